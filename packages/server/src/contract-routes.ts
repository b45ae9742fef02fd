import { Readable } from "node:stream";
import {
  type Access,
  ContractError,
  errors,
  type Problem,
  type RouteId,
  type RouteShape,
  routeIds,
  routes,
  version,
} from "@tenantctl/contract";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Answer, JsonText } from "./answer.ts";
import type { App } from "./app.ts";
import { authenticate, authorize } from "./authorize.ts";
import { bodyArrival } from "./body-arrival.ts";
import type { Call, Handlers } from "./call.ts";
import { openScope } from "./call-scope.ts";
import { isProbe } from "./diagnose/isolation/probe-credentials.ts";
import { isExpected } from "./errors/error-groups.ts";
import { beginStream } from "./metrics/response-bytes.ts";
import { actorOf, type Principal } from "./principal.ts";
import { asContractError, problemOf } from "./problem.ts";
import { routeIdOf, routePathOf } from "./route-of.ts";
import { checkUpload } from "./uploads.ts";

declare module "fastify" {
  interface FastifyRequest {
    principal: Principal;
    /** The tenant that the request was about, once that is known: for metering. */
    tenantId: string | null;
    /** Refused since the system or the tenant is in maintenance. */
    isPlannedRefusal: boolean;
  }
}

/** Open while an account still has to set a new password. */
const whilePasswordIsDue: ReadonlySet<RouteId> = new Set(["auth.password", "auth.logout", "auth.me"]);

const queryTenant = (query: unknown): string | undefined =>
  typeof query === "object" && query !== null && "tenantId" in query && typeof query.tenantId === "string"
    ? query.tenantId
    : undefined;

const header = (value: string | string[] | undefined): string | null => (typeof value === "string" ? value : null);

/** One for all that bring no document: nobody reads it, and making one takes longer than the rest of a call. */
const noUpload = Readable.from([]);

const toCall = async (app: App, id: RouteId, request: FastifyRequest): Promise<Call> => {
  const shape: RouteShape = routes[id];
  const asked = shape.access.kind === "tenant" ? queryTenant(request.query) : undefined;
  const { socket } = request.raw;
  const opening = openScope(app.db, shape.access, request.principal, shape.method === "GET", asked, socket);
  const opened = opening instanceof Promise ? await opening : opening;
  request.tenantId = opened.tenantId;
  return {
    route: shape,
    params: request.params as Call["params"],
    query: request.query as Call["query"],
    body: (shape.upload === undefined ? (request.body ?? {}) : {}) as Call["body"],
    upload: request.body instanceof Readable ? request.body : noUpload,
    principal: request.principal,
    actor: opened.actor,
    tenantId: opened.tenantId,
    scope: opened.scope,
    request: {
      id: request.id,
      address: request.ip,
      userAgent: header(request.headers["user-agent"])?.slice(0, 300) ?? null,
      idempotencyKey: header(request.headers["idempotency-key"]),
      path: request.url.split("?", 1)[0] ?? request.url,
      socket,
    },
    app,
  };
};

/** A document that breaks off when part of it has left can't be answered with an error any more; it is on record all the same. */
const watchDocument = (app: App, id: RouteId, request: FastifyRequest, reply: FastifyReply, body: Readable): void => {
  body.on("error", (error) => {
    if (!reply.raw.headersSent || request.raw.socket.destroyed) return; // answered, or the reader has left
    app.errors.add({ error, source: "stream", place: id, requestId: request.id, tenantId: request.tenantId });
  });
};

const send = (app: App, id: RouteId, request: FastifyRequest, reply: FastifyReply, result: unknown): FastifyReply => {
  const answer = result instanceof Answer ? result : new Answer(200, result);
  // Before anything leaves, so that a process that is killed has sent nothing that it had not noted.
  if (answer.status < 400) app.accessLog.note(id, request);
  reply.code(answer.status).headers(answer.headers);
  if (answer.body instanceof JsonText) return reply.type("application/json; charset=utf-8").send(answer.body.text);
  if (answer.body instanceof Readable) {
    watchDocument(app, id, request, reply, answer.body);
    beginStream(request);
  }
  return reply.send(answer.body);
};

/** What a route without parameters or without a body takes: none, rather than any. */
const noFields = { type: "object", additionalProperties: false, properties: {} } as const;

/** A body that may be absent: every field of it is optional. */
const mayBeAbsent = ({ body }: RouteShape): boolean => {
  const required: readonly string[] = body?.required ?? [];
  return required.length === 0;
};

/** Throws invalid_request for a query whose % escapes are no UTF-8: read as it stands it would mean something else. */
const checkEncoding = (url: string): void => {
  const query = url.indexOf("?");
  if (query < 0 || !url.includes("%", query)) return;
  try {
    decodeURIComponent(url.slice(query));
  } catch (cause) {
    throw new ContractError(
      "invalid_request",
      "The query has a % escape that is no UTF-8.",
      "Encode parameters as UTF-8.",
      { cause },
    );
  }
};

/** Registers every route of the contract: credentials, role, limits, validation, scope, handler, in this order. */
export const registerContract = (fastify: FastifyInstance, app: App, handlers: Handlers): void => {
  fastify.decorateRequest("principal");
  fastify.decorateRequest("tenantId", null);
  fastify.decorateRequest("routeId", null);
  fastify.decorateRequest("isPlannedRefusal", false);
  const readBody = bodyArrival();

  for (const id of routeIds) {
    const shape: RouteShape = routes[id];
    const access: Access = shape.access;
    const handle = handlers[id] as (call: Call) => Promise<unknown>;
    /** Throws, or rejects, with what refuses the request. */
    const admit = (request: FastifyRequest, reply: FastifyReply): void | Promise<void> => {
      request.principal = { kind: "anonymous" };
      // A header that a public route does not need is not looked at: a stale token must not stand in a login's way.
      if (access.kind === "public")
        return shape.unlimited === true ? undefined : app.limits.admitAddress(request, reply);
      request.principal =
        app.localActor === undefined
          ? authenticate(request.headers.authorization, app.tokens)
          : { kind: "local", name: app.localActor };
      if (request.principal.kind === "user") request.tenantId = request.principal.tenantId;
      reply.header("x-tenantctl-version", version);
      authorize(access, request.principal, whilePasswordIsDue.has(id));
      return shape.unlimited === true || isProbe(request.principal) ? undefined : app.limits.admit(request, reply);
    };
    fastify.route({
      method: shape.method,
      url: shape.path,
      config: { routeId: id },
      // A document is read as a stream; what is too large for a handler, the handler refuses.
      ...(shape.upload === undefined ? {} : { bodyLimit: Number.MAX_SAFE_INTEGER }),
      schema: {
        ...(shape.params === undefined ? {} : { params: shape.params }),
        querystring: shape.query ?? noFields,
        ...(shape.method === "GET" || shape.upload !== undefined ? {} : { body: shape.body ?? noFields }),
        response: shape.responses,
      },
      onRequest: (request, reply, done) => {
        request.routeId = id;
        const admitted = admit(request, reply);
        if (admitted === undefined) done();
        else admitted.then(() => done(), done);
      },
      ...(shape.method === "GET" || shape.upload !== undefined ? {} : { preParsing: readBody }),
      preValidation: (request, _reply, done) => {
        checkEncoding(request.url);
        checkUpload(shape, request.body);
        if (request.body === undefined && shape.upload === undefined && mayBeAbsent(shape)) request.body = {};
        done();
      },
      handler: async (request, reply) => send(app, id, request, reply, await handle(await toCall(app, id, request))),
    });
  }

  fastify.setErrorHandler((thrown, request, reply) => {
    const error = asContractError(thrown);
    const { status } = errors[error.code];
    app.metrics?.problem(error.code);
    request.isPlannedRefusal = error.code === "maintenance";
    const isFault = status >= 500 && !request.isPlannedRefusal;
    // A line with a stack for each that is turned away would cost more than turning it away.
    if (isFault && !isExpected(error.code)) request.log.error({ err: thrown, code: error.code }, "request failed");
    const id = routeIdOf(request);
    if (isFault) {
      const place = id ?? routePathOf(request) ?? "no route";
      app.errors.add({ error: thrown, source: "request", place, requestId: request.id, tenantId: request.tenantId });
    }
    const { principal } = request;
    const beyondItsTenant =
      error.code === "tenant_not_found" && (principal?.kind === "user" || principal?.kind === "tenantToken");
    // A failed login is recorded by its handler, which knows the tenant and the e-mail.
    const isRefusal =
      id !== "auth.login" && (status === 401 || status === 403 || beyondItsTenant) && !isProbe(principal);
    if (id !== undefined && isRefusal) {
      const shape: RouteShape = routes[id];
      app.refusals.add({
        principal,
        actor: actorOf(principal),
        route: shape,
        code: error.code,
        address: request.ip,
        requestId: request.id,
      });
    }
    if (error.retryAfter !== undefined) reply.header("retry-after", String(error.retryAfter));
    if (status === 401) reply.header("www-authenticate", 'Bearer realm="tenantctl"');
    return reply
      .code(status)
      .type("application/problem+json; charset=utf-8")
      .serializer(JSON.stringify)
      .send(problemOf(error, request.id) satisfies Problem);
  });
};
