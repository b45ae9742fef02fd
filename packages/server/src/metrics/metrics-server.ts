import { createServer, type ServerResponse } from "node:http";
import type { FastifyBaseLogger } from "fastify";
import type { Registry } from "prom-client";

export interface MetricsServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Answers under way at once; a Prometheus server asks once in a while. */
const mostScrapes = 4;
const mostConnections = 32;
const headersMs = 5000;
const answerMs = 15_000;

const say = (response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers }).end(`${text}\n`);
};

/**
 * `GET /metrics` on a port of its own, and nothing else. It knows no credentials: whoever reaches the port reads the
 * tenants' slugs and counts. `refresh` is awaited before each answer. Rejects where the port cannot be listened on.
 */
export const startMetricsServer = async (
  { host, port }: { host: string; port: number },
  registry: Registry,
  refresh: () => Promise<void>,
  log: FastifyBaseLogger,
): Promise<MetricsServer> => {
  let scrapes = 0;
  const answer = async (response: ServerResponse): Promise<void> => {
    scrapes += 1;
    try {
      await refresh();
      response.writeHead(200, { "content-type": registry.contentType, "cache-control": "no-store" });
      response.end(await registry.metrics());
    } catch (err) {
      log.error({ err }, "metrics: no answer");
      if (!response.headersSent) say(response, 500, "The metrics could not be read; the server's log says why.");
      response.destroy();
    } finally {
      scrapes -= 1;
    }
  };

  const server = createServer((request, response) => {
    request.resume();
    const path = request.url?.split("?", 1)[0];
    if (path !== "/metrics") return say(response, 404, "There is only /metrics here.");
    if (request.method !== "GET") return say(response, 405, "/metrics is read with GET.", { allow: "GET" });
    if (scrapes >= mostScrapes) return say(response, 503, "Too many at once.", { "retry-after": "5" });
    void answer(response);
  });
  server.maxConnections = mostConnections;
  server.headersTimeout = headersMs;
  server.requestTimeout = headersMs;
  // A reader that stands still loses its connection, so that it holds no place.
  server.setTimeout(answerMs, (socket) => socket.destroy());

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, resolve);
  });
  const address = server.address();
  const reached = typeof address === "object" && address !== null ? address.port : port;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${reached}/metrics`;
  log.info({ url }, "metrics");
  return {
    url,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
