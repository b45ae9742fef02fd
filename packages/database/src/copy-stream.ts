import pg from "pg";
import pgCopyStreams from "pg-copy-streams";
import type { Client } from "./client.ts";
import { DatabaseUnavailable } from "./database-error.ts";

/** COPY text as PostgreSQL sends it, to be read once. */
export interface CopyOut extends AsyncIterable<Buffer> {
  /** Rows, as PostgreSQL counted them; known once the text has ended. */
  rows(): number;
}

/** How long neither side may stand still: longer, and the snapshot it holds open costs everybody else. */
const patienceMs = 10 * 60_000;
const readAhead = 256 * 1024;

const underWay = new WeakSet<Client>();

/** Gives up the connection if a copy is still under way on it: nothing else could be asked of it. */
export function abandonCopy(client: Client): void {
  if (underWay.has(client)) client.abandon();
}

/** Runs one `COPY … TO STDOUT`. A reader that stops early gives up the connection: what is under way cannot be called back. */
export function copyOut(client: Client, text: string): CopyOut {
  let rows: number | undefined;

  async function* bytes(): AsyncGenerator<Buffer, void, undefined> {
    const stream = pgCopyStreams.to(text, { highWaterMark: readAhead });
    let failure: Error | undefined;
    const failed = new Promise<never>((_, reject) => {
      stream.on("error", (error: Error) => {
        failure ??= error;
        reject(error);
      });
    });
    failed.catch(() => undefined); // whoever reads the stream hears of it
    // The text ends before PostgreSQL has said how many rows it was.
    const ready = new Promise<void>((resolve) => Object.assign(stream, { handleReadyForQuery: resolve }));
    const lose = (error?: Error) =>
      stream.destroy(new DatabaseUnavailable(error ?? new Error("The connection to the database ended.")));
    const watch = setTimeout(
      () => stream.destroy(new Error("The copy stood still for 10 minutes and was given up.")),
      patienceMs,
    );
    client.once("error", lose);
    client.once("end", lose);
    try {
      underWay.add(client);
      client.query(stream);
      for await (const chunk of stream) {
        watch.refresh();
        yield chunk;
        watch.refresh();
      }
      await Promise.race([ready, failed]);
      rows = stream.rowCount;
    } finally {
      underWay.delete(client);
      clearTimeout(watch);
      client.off("error", lose);
      client.off("end", lose);
      if (rows === undefined && !(failure instanceof pg.DatabaseError)) client.abandon();
    }
  }

  return {
    [Symbol.asyncIterator]: bytes,
    rows() {
      if (rows === undefined) throw new Error("This copy has not ended.");
      return rows;
    },
  };
}
