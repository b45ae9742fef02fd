import { userInfo } from "node:os";
import { Readable } from "node:stream";
import { openServerDatabase } from "./open-database.ts";
import { buildServer } from "./server.ts";
import type { Settings } from "./settings.ts";

/** The API within this process, for whoever has the database's URL while no API answers. */
export interface LocalApi {
  /** As the global `fetch`, but for redirects and the network: the same routes, handlers and audit rows. */
  readonly fetch: typeof fetch;
  close(): Promise<void>;
}

const pathOf = (input: Parameters<typeof fetch>[0]): string => {
  const { pathname, search } = new URL(input instanceof Request ? input.url : String(input));
  return `${pathname}${search}`;
};

const bodyOf = (body: unknown): string | Buffer | Readable | undefined => {
  if (body === undefined || body === null) return undefined;
  if (body instanceof ReadableStream) return Readable.from(body);
  return typeof body === "string" || Buffer.isBuffer(body) ? body : String(body);
};

const headersOf = (given: Readonly<Record<string, unknown>>): Headers => {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given)) if (value !== undefined) headers.set(name, String(value));
  return headers;
};

/**
 * Opens the database as the server does (it refuses what the server refuses) and answers requests without listening: every
 * one is put down to `local:<os user>`. No background work is done here. Throws what openServerDatabase throws.
 */
export const openLocalApi = async (settings: Settings): Promise<LocalApi> => {
  const quiet: Settings = { ...settings, logLevel: "silent", metricsPort: undefined, jobs: false };
  const db = await openServerDatabase(quiet, { migrate: false });
  const { fastify, app } = await buildServer(quiet, db, `local:${userInfo().username}`);
  await fastify.ready();
  const local: typeof fetch = async (input, init = {}) => {
    const payload = bodyOf(init.body);
    const response = await fastify.inject({
      method: (init.method ?? "GET") as "GET",
      url: pathOf(input),
      headers: Object.fromEntries(new Headers(init.headers)),
      ...(payload === undefined ? {} : { payload }),
      payloadAsStream: true,
    });
    const { statusCode } = response;
    const stream = statusCode === 204 ? null : Readable.toWeb(response.stream());
    return new Response(stream as ReadableStream | null, { status: statusCode, headers: headersOf(response.headers) });
  };
  return {
    fetch: local,
    close: async () => {
      await app.deliverer.close(5);
      await fastify.close();
      await app.refusals.close();
      await app.tokenUse.close();
      await app.limits.close();
      await app.meter.close();
      await app.accessLog.close();
      await app.errors.close();
      await db.close();
    },
  };
};
