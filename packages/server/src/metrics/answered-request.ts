import { type RouteShape, routes } from "@tenantctl/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import { routeIdOf } from "../route-of.ts";
import { responseBytes } from "./response-bytes.ts";

/** A request whose answer is over, as it is counted. */
export interface AnsweredRequest {
  /** The contract's route, or `none`. */
  readonly route: string;
  /** The routes' tag, or `other`. */
  readonly group: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
  /** Of the answer. */
  readonly bytes: number;
  /** Whom it was about; null: no tenant. */
  readonly tenantId: string | null;
  /** Turned away since there is maintenance: nobody's fault, so that it alerts nobody. */
  readonly isPlanned: boolean;
  /** A health check: it comes by the clock, not from anybody's work. */
  readonly isProbe: boolean;
}

export const answeredRequest = (request: FastifyRequest, reply: FastifyReply): AnsweredRequest => {
  const id = routeIdOf(request);
  const route: RouteShape | undefined = id === undefined ? undefined : routes[id];
  return {
    route: id ?? "none",
    group: route?.tag ?? "other",
    // Where there is no such route, the method may be anything.
    method: id === undefined ? "any" : request.method,
    status: reply.statusCode,
    seconds: reply.elapsedTime / 1000,
    bytes: responseBytes(request, reply),
    tenantId: request.tenantId,
    isPlanned: request.isPlannedRefusal,
    isProbe: route?.unlimited === true && route.access.kind === "public",
  };
};
