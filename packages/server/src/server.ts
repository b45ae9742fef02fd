import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Database } from "@tenantctl/database";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from "fastify";
import { createAccessLog } from "./access-log/access-log.ts";
import { watchHost } from "./alerts/host-readings.ts";
import type { App } from "./app.ts";
import { resolveAuditKeys } from "./audit/audit-keys.ts";
import { keepCheckpointFile } from "./audit/checkpoint-file.ts";
import { createRefusals } from "./audit/refusals.ts";
import { startSealer } from "./audit/sealer.ts";
import { useAccessTokens } from "./auth/access-token.ts";
import { createPasswords } from "./auth/passwords.ts";
import { registerContract } from "./contract-routes.ts";
import { createDeliverer } from "./deliveries/deliverer.ts";
import { isProbe } from "./diagnose/isolation/probe-credentials.ts";
import { documentationPath, useDocumentation } from "./docs/documentation.ts";
import { createErrorGroups } from "./errors/error-groups.ts";
import { handlers } from "./handlers.ts";
import { refuseUnreadable, refuseUnroutable } from "./http-faults.ts";
import { type Jobs, startJobs } from "./jobs/jobs.ts";
import { useJsonBodies } from "./json-body.ts";
import { logStream } from "./log-stream.ts";
import { answeredRequest } from "./metrics/answered-request.ts";
import { createMeter } from "./metrics/meter.ts";
import { openMetricsPort } from "./metrics/metrics-port.ts";
import { createMetrics } from "./metrics/registry.ts";
import { watchRequests } from "./metrics/watch-requests.ts";
import { useOverloadProtection } from "./overload.ts";
import { createRateLimits } from "./quotas/rate-limits.ts";
import { newRequestId } from "./request-id.ts";
import { routePathOf } from "./route-of.ts";
import { securityHeaders } from "./security-headers.ts";
import type { Settings } from "./settings.ts";
import { createTokenUse } from "./tokens/token-use.ts";
import { refuseUnknownRoutes } from "./unknown-route.ts";
import { useUploads } from "./uploads.ts";
import { useContractValidation } from "./validation.ts";

export interface Server {
  readonly fastify: FastifyInstance;
  readonly app: App;
  /** Where it listens. */
  readonly url: string;
  /** Where `/metrics` is, if anywhere. */
  readonly metricsUrl: string | undefined;
  /**
   * Says that it is not ready and goes on for the drain delay; then stops taking requests, lets those under way finish
   * within the drain time, flushes what is counted, stops the jobs.
   */
  stop(): Promise<void>;
}

/**
 * Builds the API over an open database. Nothing listens yet. With `localActor` it never may: every request is let in as
 * that one.
 */
export const buildServer = async (
  settings: Settings,
  db: Database,
  localActor?: string,
): Promise<{ fastify: FastifyInstance; app: App }> => {
  const fastify = Fastify({
    logger:
      settings.logLevel === "silent"
        ? false
        : { level: settings.logLevel, redact: ["req.headers.authorization"], stream: logStream },
    // An id from outside would let a caller write what they like into our log.
    requestIdHeader: false,
    genReqId: newRequestId,
    bodyLimit: settings.bodyLimit,
    trustProxy: settings.trustProxy === undefined ? false : settings.trustProxy.split(",").map((part) => part.trim()),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 200 },
    forceCloseConnections: "idle",
    // An archive may take long to arrive; a request's headers may not (Node's own minute).
    requestTimeout: 3_600_000,
    return503OnClosing: false,
    clientErrorHandler: refuseUnreadable,
    frameworkErrors: refuseUnroutable,
    logController: new LogController({ disableRequestLogging: true }),
  });
  useContractValidation(fastify);
  useJsonBodies(fastify);
  useUploads(fastify);
  const errors = createErrorGroups(db, fastify.log);
  const app: App = {
    settings,
    db,
    tokens: await useAccessTokens(
      fastify,
      settings.jwtSecrets ?? [randomBytes(48).toString("base64")],
      settings.accessTokenMinutes,
    ),
    passwords: createPasswords(settings),
    auditKeys: await resolveAuditKeys(settings),
    meter: createMeter(db, fastify.log, errors.failed),
    metrics: settings.metricsPort === undefined ? undefined : createMetrics(settings.metricsTenants),
    errors,
    accessLog: createAccessLog(db, fastify.log, errors.failed),
    limits: await createRateLimits(fastify, db, settings, errors.failed),
    refusals: createRefusals(db, fastify.log, errors.failed),
    tokenUse: createTokenUse(db, fastify.log, errors.failed),
    deliverer: createDeliverer(db, settings, fastify.log),
    inject: fastify.inject.bind(fastify),
    log: fastify.log,
    startedAt: Date.now(),
    localActor,
    draining: false,
  };
  const protection = await securityHeaders();
  const withData = { ...protection.data, "cache-control": "no-store" };
  const withPage = { ...protection.page, "cache-control": "no-store" };
  watchRequests(fastify, app.metrics);
  useOverloadProtection(fastify, app);
  fastify.addHook("onRequest", (request, reply, done) => {
    const isPage = request.url.startsWith(documentationPath);
    reply.headers(isPage ? withPage : withData).header("x-request-id", request.id);
    done();
  });
  const record = (request: FastifyRequest, reply: FastifyReply): void => {
    if (isProbe(request.principal)) return; // nobody's use
    // What came with credentials that did not hold is nobody's use.
    if (!app.limits.settle(request, reply)) request.tenantId = null;
    const answered = answeredRequest(request, reply);
    app.meter.count(answered);
    app.metrics?.count(answered);
    // A principal is set before its route's handler; only what the database let in counts as used.
    if (request.principal !== undefined && reply.statusCode < 400) app.tokenUse.note(request.principal);
    request.log.info(
      {
        route: routePathOf(request),
        method: request.method,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        tenantId: request.tenantId ?? undefined,
        address: request.ip,
      },
      "request",
    );
  };
  fastify.addHook("onResponse", (request, reply, done) => {
    record(request, reply);
    done();
  });
  refuseUnknownRoutes(fastify);
  // Brings the error handler, which only what comes after it inherits.
  registerContract(fastify, app, handlers);
  await useDocumentation(fastify);
  return { fastify, app };
};

/** Builds the API, listens, and starts the background jobs. */
export const startServer = async (settings: Settings, db: Database): Promise<Server> => {
  const { fastify, app } = await buildServer(settings, db);
  let jobs: Jobs | undefined;
  const metricsPort = await openMetricsPort(app, async () => jobs?.queue());
  const url = await fastify.listen({ port: settings.port, host: settings.host }).catch(async (error: unknown) => {
    await metricsPort?.stop();
    throw error;
  });
  const host = settings.jobs ? watchHost(app) : undefined;
  if (settings.jobs) jobs = startJobs(app);
  if (app.auditKeys.kept === "database") {
    app.log.warn("the audit log's key is in the database, where its owner can read it: set TENANTCTL_AUDIT_KEY");
  }
  const sealer = settings.jobs ? startSealer(app) : undefined;
  const { auditCheckpointFile } = settings;
  const checkpoints =
    settings.jobs && auditCheckpointFile !== undefined ? keepCheckpointFile(app, auditCheckpointFile) : undefined;
  let stopping: Promise<void> | undefined;

  const stop = async (): Promise<void> => {
    app.draining = true;
    // Whoever asks for readiness hears of it; what comes until then is served, and each answer ends its connection.
    await pause(settings.drainDelaySeconds * 1000);
    const deadline = setTimeout(() => fastify.server.closeAllConnections(), settings.drainSeconds * 1000);
    const delivered = app.deliverer.close(Math.min(settings.drainSeconds, 5));
    await fastify.close();
    clearTimeout(deadline);
    host?.stop();
    await jobs?.stop();
    await delivered;
    await app.refusals.close();
    await app.tokenUse.close();
    await sealer?.stop();
    await checkpoints?.stop();
    await app.limits.close();
    await app.meter.close();
    await app.accessLog.close();
    // The last: what failed while stopping is to be on record, too.
    await app.errors.close();
    // Last, so that the stopping can be watched.
    await metricsPort?.stop();
  };
  return { fastify, app, url, metricsUrl: metricsPort?.url, stop: () => (stopping ??= stop()) };
};
