import type { IncomingMessage } from "node:http";
import type { Outgoing, WholeAnswer } from "@tenantctl/contract";

/** Why a connection failed: of several addresses that were tried, the first one's reason. */
const reasonOf = (error: Error): unknown => (error instanceof AggregateError ? (error.errors[0] ?? error) : error);

/**
 * Sends a request and gives an answer that is read as a whole. Node's `fetch` would do, but the first one costs a process
 * as much as starting it: it loads and compiles a whole HTTP client of its own.
 */
export const askPlainly = async (url: URL, { method, headers, body, signal }: Outgoing): Promise<WholeAnswer> => {
  if (typeof body === "object") throw new TypeError("A document is sent by fetch, which streams it.");
  const { request } = await (url.protocol === "https:" ? import("node:https") : import("node:http"));
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { method, headers, signal }, resolve)
      .on("error", (error) => reject(reasonOf(error)))
      .end(body);
  });
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
      for await (const part of response) text += part;
      return text;
    },
  };
};
