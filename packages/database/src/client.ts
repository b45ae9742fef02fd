import { type ConnectOpts, Socket, type SocketConstructorOpts } from "node:net";
import pg from "pg";
import type { Column } from "./replies.ts";
import { typeParsers } from "./type-parsers.ts";

/** Bytes that one read of a socket brings at most. */
const readBytes = 64 * 1024;

/** One connection that knows whether it broke and can send several messages as one write. */
export class Client extends pg.Client {
  /** The columns that statements which pipelines prepared on this connection answer with, by name. */
  readonly prepared = new Map<string, readonly Column[]>();
  /** Whether it is connected to a Citus coordinator; a pool finds out. */
  citus = false;
  readonly #socket: Socket;
  #lost: Error | undefined;
  #stale = false;
  #lending = false;
  #sentAt = performance.now();
  #heardAt = performance.now();

  constructor(config?: pg.ClientConfig | string) {
    // Reads go to one piece of memory: a fresh one for each, as is usual, is let go of much later than it was read.
    const reading: SocketConstructorOpts & Pick<ConnectOpts, "onread"> = {
      onread: {
        buffer: Buffer.allocUnsafeSlow(readBytes),
        callback: (count, buffer) => {
          this.#heardAt = performance.now();
          const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, count);
          // Others read the stream as a stream (a COPY does), with its own buffer and back-pressure.
          if (!this.#lending) return socket.push(Buffer.from(bytes));
          socket.emit("data", bytes);
          return true;
        },
      },
    };
    const socket = new Socket(reading);
    const settings = typeof config === "string" ? { connectionString: config } : config;
    super({ ...settings, types: typeParsers, stream: () => socket });
    this.#socket = socket;
    // Without a listener on every client, one that breaks while borrowed would end the process.
    this.on("error", (error) => {
      this.#lost = error;
    });
  }

  /** Why the connection broke, if it did. */
  get lost(): Error | undefined {
    return this.#lost;
  }

  /** Whether its prepared statements are of a schema that has changed since: then it is not to be used again. */
  get stale(): boolean {
    return this.#stale;
  }

  /** When it last sent something, and when it heard something, on the clock of `performance.now`. */
  get sentAt(): number {
    return this.#sentAt;
  }

  get heardAt(): number {
    return this.#heardAt;
  }

  retire(): void {
    this.#stale = true;
  }

  /** While `on`, bytes that arrive are valid only as long as their listener runs: it copies them where it wants them. */
  lendReads(on: boolean): void {
    this.#lending = on;
  }

  /** Breaks the connection: what PostgreSQL is sending cannot be stopped otherwise. */
  abandon(): void {
    this.#lost ??= new Error("The connection was given up.");
    this.#socket.destroy();
  }

  /** Sends what was composed elsewhere. */
  send(bytes: Buffer): void {
    this.#sentAt = performance.now();
    this.connection.stream.write(bytes);
  }

  /** Whatever `submit` sends leaves in one write. */
  together<T>(submit: () => T): T {
    this.#sentAt = performance.now();
    this.#socket.cork();
    try {
      return submit();
    } finally {
      this.#socket.uncork();
    }
  }
}
