import { pathOf, type RouteId, type RouteShape, routes } from "@tenantctl/contract";
import type { App } from "../../app.ts";

export interface Sent {
  readonly params?: Readonly<Record<string, string>> | undefined;
  readonly query?: Readonly<Record<string, unknown>> | undefined;
  readonly body?: object | undefined;
}

export interface Reply {
  readonly status: number;
  /** Without what differs from one request to the next. */
  readonly text: string;
}

/**
 * Calls a route of this very server through all that stands before its handler (credentials, validation, scope), without
 * a socket: so the tokens never leave the process.
 */
export const callAs = async (app: App, id: RouteId, token: string, sent: Sent): Promise<Reply> => {
  const shape: RouteShape = routes[id];
  const hasBody = shape.method !== "GET" && sent.body !== undefined;
  const reply = await app.inject({
    method: shape.method,
    url: pathOf(shape.path, sent.params, sent.query),
    headers: { authorization: `Bearer ${token}`, ...(hasBody ? { "content-type": "application/json" } : {}) },
    ...(hasBody ? { payload: JSON.stringify(sent.body) } : {}),
  });
  const requestId = reply.headers["x-request-id"];
  return {
    status: reply.statusCode,
    text: typeof requestId === "string" ? reply.payload.replaceAll(requestId, "-") : reply.payload,
  };
};
