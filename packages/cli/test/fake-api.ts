import { createServer, type IncomingMessage } from "node:http";
import { type ErrorCode, errors, version } from "@tenantctl/contract";

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly body: unknown;
}

interface Reply {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

export type Handler = (request: { url: URL; body: unknown; seen: Seen }) => Reply | Promise<Reply>;

export interface FakeApi {
  readonly url: string;
  /** Every request so far, oldest first. */
  readonly seen: Seen[];
  /** Answers for `METHOD /path`; the path may end in * for "whatever follows". */
  readonly on: (key: string, handler: Handler) => void;
  /** Access tokens of all sessions stop working, as if they had expired. */
  readonly expire: () => void;
  /** Sessions begun or renewed from here on may only change their password, or may do everything. */
  readonly mustChangePassword: (must: boolean) => void;
  readonly close: () => Promise<void>;
}

export const operatorPassword = "operators-password";
export const apiToken = "tctl_0123456789abcdefghij";

export const problem = (code: ErrorCode, detail: string, hint: string, more: object = {}): Reply => ({
  status: errors[code].status,
  body: {
    type: `/problems/${code}`,
    title: errors[code].title,
    status: errors[code].status,
    code,
    detail,
    hint,
    requestId: "req-1",
    ...more,
  },
  headers: { "content-type": "application/problem+json" },
});

const bodyOf = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  return text === "" ? undefined : JSON.parse(text);
};

/** A tenant as the API tells it. */
export const tenant = (slug: string, more: Record<string, unknown> = {}) => ({
  id: "01890000-0000-7000-8000-000000000001",
  slug,
  name: `${slug} Inc.`,
  status: "active",
  plan: "basic",
  contactEmail: `hi@${slug}.com`,
  statusReason: null,
  statusChangedAt: "2025-12-01T10:00:00.000Z",
  createdAt: "2025-12-01T10:00:00.000Z",
  updatedAt: "2025-12-01T10:00:00.000Z",
  deletedAt: null,
  purgeAt: null,
  ...more,
});

/** What `tenants.get` adds. */
export const details = (slug: string) => ({
  ...tenant(slug),
  quotas: [
    { resource: "users", used: 3, limit: 5, percentage: 60, source: "plan", expiresAt: null },
    { resource: "customers", used: 41, limit: null, percentage: null, source: "override", expiresAt: null },
  ],
  users: 3,
  activeSessions: 2,
  lastLoginAt: "2025-12-02T08:00:00.000Z",
  backup: {
    lastBackupAt: "2025-12-02T02:30:08.000Z",
    lastVerifiedAt: null,
    lastDrilledAt: null,
    lastBackupBytes: 4711,
  },
  legalHold: null,
  maintenance: null,
});

/**
 * An API just real enough for what the command line does by itself: logins whose refresh tokens work exactly once
 * (without the real one's grace), and answers that a test sets. The product's own tests use the real API.
 */
export const startFakeApi = async (): Promise<FakeApi> => {
  const seen: Seen[] = [];
  const handlers: [string, Handler][] = [];
  let generation = 0;
  let accepted = "";
  let refreshToken = "";
  let mustChange = false;
  let onlyPassword = false;

  const session = (): Reply => {
    onlyPassword = mustChange;
    generation += 1;
    accepted = `access-${generation}`;
    refreshToken = `refresh-${generation}`;
    return { body: { accessToken: accepted, refreshToken, expiresIn: 900, mustChangePassword: mustChange } };
  };

  const builtIn: Record<string, Handler> = {
    "POST /api/auth/login": ({ body }) =>
      (body as { password: string }).password === operatorPassword
        ? session()
        : problem("invalid_credentials", "E-mail, password or tenant is wrong.", "Check all three."),
    "POST /api/auth/refresh": ({ body }) =>
      (body as { refreshToken: string }).refreshToken === refreshToken
        ? session()
        : problem("session_ended", "The refresh token was used before.", "Log in again."),
    "POST /api/auth/logout": () => ({ body: { sessionsEnded: 1 } }),
    "GET /api/health": () => ({
      body: {
        status: "ok",
        database: { reachable: true, latencyMs: 0.4 },
        migrations: "current",
        uptimeSeconds: 93_784,
      },
    }),
  };

  const answer = async (seenNow: Seen, url: URL): Promise<Reply> => {
    const key = `${seenNow.method} ${url.pathname}`;
    const open = /^\/api\/(health|auth\/(login|refresh|redeem))/.test(url.pathname);
    if (!open && seenNow.authorization !== `Bearer ${accepted}` && seenNow.authorization !== `Bearer ${apiToken}`)
      return seenNow.authorization?.startsWith("Bearer access-")
        ? problem("token_expired", "The access token has expired.", "Refresh it.")
        : problem("token_invalid", "The token is not valid.", "Log in.");
    if (onlyPassword && !open && url.pathname !== "/api/auth/password")
      return problem("password_change_required", "A new password must be set first.", "Set one.");
    const given = handlers.findLast(
      ([pattern]) => pattern === key || (pattern.endsWith("*") && key.startsWith(pattern.slice(0, -1))),
    );
    const handler = given?.[1] ?? builtIn[key];
    return handler === undefined
      ? problem("route_not_found", `There is no ${key}.`, "See /docs.")
      : handler({ url, body: seenNow.body, seen: seenNow });
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const now: Seen = {
      method: request.method ?? "GET",
      path: request.url ?? "/",
      authorization: request.headers.authorization,
      idempotencyKey: request.headers["idempotency-key"]?.toString(),
      body: await bodyOf(request),
    };
    seen.push(now);
    const { status = 200, body, headers } = await answer(now, url);
    response.writeHead(status, { "content-type": "application/json", "x-tenantctl-version": version, ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the fake API has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    on: (key, handler) => void handlers.push([key, handler]),
    expire: () => {
      accepted = `access-expired-${generation}`;
    },
    mustChangePassword: (must) => {
      mustChange = must;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
};
