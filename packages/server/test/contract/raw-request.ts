import { Agent, request } from "node:http";
import { connect } from "node:net";
import type { Answered } from "./problem-answer.ts";

const agent = new Agent({ keepAlive: true });

export interface Raw {
  readonly method: string;
  /** As it goes over the wire: nothing is encoded or made shorter. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** One request, byte by byte as it is given. */
export const sendRaw = (base: string, { method, path, headers = {}, body }: Raw): Promise<Answered> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const sent = request({ agent, hostname, port, method, path, headers: { ...length, ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString("utf8"),
          header: (name) => {
            const value = response.headers[name];
            return typeof value === "string" ? value : null;
          },
        }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });

/** Writes bytes that need not be HTTP, and answers all that comes back until the connection is closed. */
export const sendBytes = (base: string, bytes: string): Promise<Answered> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => {
      const [head = "", text = ""] = Buffer.concat(chunks).toString("utf8").split("\r\n\r\n", 2);
      const [statusLine = "", ...lines] = head.split("\r\n");
      const headers = new Map(
        lines.map((line) => [line.split(":", 1)[0]?.toLowerCase(), line.replace(/^[^:]+: */, "")]),
      );
      resolve({ status: Number(statusLine.split(" ")[1]), text, header: (name) => headers.get(name) ?? null });
    });
  });
