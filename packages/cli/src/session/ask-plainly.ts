import type { IncomingMessage } from "node:http";
import type { Outgoing, WholeAnswer } from "@tenantctl/contract";

/** Why a connection failed: of several addresses that were tried, the first one's reason. */
const reasonOf = (error: Error): unknown => (error instanceof AggregateError ? (error.errors[0] ?? error) : error);

/**
 * Where a request to `http://localhost` is tried first: at the address that the API listens on unless told otherwise. To
 * ask the system what the name means takes as long as to connect, and Node looks whether a name is an address with an
 * expression that takes even longer to compile (an empty server name saves that; without TLS it has no other meaning).
 */
const directly = { hostname: "127.0.0.1", servername: "" };

const isRefused = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ECONNREFUSED";

/** Milliseconds without a byte after which an answer that has begun is given up, however long it may take in all. */
const idleMs = 60_000;

/**
 * Sends a request and gives an answer that is read as a whole. Node's `fetch` would do, but the first one costs a process
 * as much as starting it: it loads and compiles a whole HTTP client of its own.
 */
export const askPlainly = async (
  url: URL,
  { method, headers, body, signal }: Outgoing,
  patienceMs = idleMs,
): Promise<WholeAnswer> => {
  if (typeof body === "object") throw new TypeError("A document is sent by fetch, which streams it.");
  const { request } = await (url.protocol === "https:" ? import("node:https") : import("node:http"));
  const send = (to: { headers: Outgoing["headers"]; hostname?: string }): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      request(url, { method, signal, ...to }, resolve)
        .on("error", (error) => reject(reasonOf(error)))
        .end(body);
    });
  const byName = (): Promise<IncomingMessage> => send({ headers });
  const response = await (url.protocol === "http:" && url.hostname === "localhost"
    ? send({ headers: { ...headers, host: url.host }, ...directly }).catch((error: unknown) => {
        if (isRefused(error)) return byName();
        throw error;
      })
    : byName());
  const { statusCode: status = 0 } = response;
  if (status >= 300 && status < 400) {
    response.destroy();
    throw new Error(`it leads to another address (${response.headers.location ?? "unnamed"})`);
  }
  return {
    ok: status >= 200 && status < 300,
    status,
    url: url.href,
    headers: {
      get: (name) => {
        const value = response.headers[name];
        return value === undefined ? null : String(value);
      },
    },
    text: async () => {
      response.setEncoding("utf8");
      let text = "";
      let stalled = false;
      // Not the socket's own timeout: that would outlive the answer on a connection that is kept.
      const idle = setTimeout(() => {
        stalled = true;
        response.destroy();
      }, patienceMs);
      try {
        for await (const part of response) {
          text += part;
          idle.refresh();
        }
        return text;
      } catch (cause) {
        throw stalled ? new Error(`no byte came for ${patienceMs / 1000} s`) : cause;
      } finally {
        clearTimeout(idle);
      }
    },
  };
};
