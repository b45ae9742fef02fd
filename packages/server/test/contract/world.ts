import { type Scope, tenantScopes } from "@tenantctl/contract";
import { ownerRow } from "../fixture/as-owner.ts";
import { type Reply, type ServerOptions, startTestServer, type TestServer } from "../fixture/server.ts";

/** Everybody who can call: nobody in particular, sessions in each role, and tokens. */
export const callerKinds = [
  "anonymous",
  "operator",
  "operatorToken",
  "tenantAdmin",
  "supportAgent",
  "tenantToken",
] as const;
export type CallerKind = (typeof callerKinds)[number];

export interface Actor {
  readonly type: "user" | "operator" | "token" | "anonymous";
  readonly id: string | null;
}

export interface Caller {
  readonly kind: CallerKind;
  readonly token: string | undefined;
  readonly actor: Actor;
}

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly password: string;
}

export interface WorldTenant {
  readonly id: string;
  readonly slug: string;
  readonly admin: Person;
  readonly adminToken: string;
  readonly supportToken: string;
  readonly supportId: string;
}

/** A server with two tenants, and callers of every kind. */
export interface World {
  readonly server: TestServer;
  readonly own: WorldTenant;
  readonly other: WorldTenant;
  readonly operatorToken: string;
  /** A caller with exactly these scopes, where its kind has scopes. */
  caller(kind: CallerKind, tenant: WorldTenant, scopes: readonly Scope[]): Promise<Caller>;
  /** A call by the first operator that has to work: for what a test needs before it begins. */
  must(method: string, path: string, body?: object): Promise<Reply<Made>["body"]>;
  /** A text that no other call in this run has used. */
  fresh(prefix: string): string;
  stop(): Promise<void>;
}

/** What an answer to a creating call holds, as far as the tests look into it. */
export interface Made {
  readonly id: string;
  readonly slug: string;
  readonly adminId: string;
  readonly token: string;
  readonly secret: string;
  readonly name: string;
}

export const password = "password-of-everybody";

/** Makes a world of its own for one test file. */
export const makeWorld = async (options: ServerOptions = {}): Promise<World> => {
  const server = await startTestServer(options);
  const operatorToken = await server.operatorToken();
  let count = 0;
  const fresh = (prefix: string): string => {
    count += 1;
    return `${prefix}-${count}`;
  };

  const must = async (method: string, path: string, body?: object): Promise<Made> => {
    const reply = await server.request<Made>(method, path, {
      token: operatorToken,
      ...(body === undefined ? {} : { body }),
    });
    if (reply.status >= 300) throw new Error(`${method} ${path} answered ${reply.status}: ${reply.text}`);
    return reply.body;
  };

  const makeTenant = async (): Promise<WorldTenant> => {
    const slug = fresh("walk");
    const email = `admin@${slug}.example`;
    const { id, adminId } = await must("POST", "/api/admin/tenants/provision", {
      name: `Tenant ${slug}`,
      slug,
      contactEmail: email,
      adminName: "Admin",
      adminEmail: email,
      adminPassword: password,
      plan: "enterprise",
    });
    const support = { name: "Support", email: `support@${slug}.example`, password, role: "support_agent" };
    const { id: supportId } = await must("POST", `/api/tenants/users?tenantId=${id}`, support);
    const [admin, agent] = await Promise.all([
      server.login({ email, password, tenant: slug }),
      server.login({ email: support.email, password, tenant: slug }),
    ]);
    return {
      id,
      slug,
      admin: { id: adminId, email, password },
      adminToken: admin.accessToken,
      supportToken: agent.accessToken,
      supportId,
    };
  };

  const [own, other] = [await makeTenant(), await makeTenant()];
  const { id: operatorId } = await ownerRow<{ id: string }>(server.database, "select id from app.operators");

  const tokens = new Map<string, Promise<Made>>();
  const tokenWith = (path: string, scopes: readonly Scope[]): Promise<Made> => {
    const key = `${path} ${scopes.join()}`;
    const known = tokens.get(key) ?? must("POST", path, { name: fresh("token"), scopes });
    tokens.set(key, known);
    return known;
  };
  const byToken = async (kind: CallerKind, path: string, scopes: readonly Scope[]): Promise<Caller> => {
    const { id, token } = await tokenWith(path, scopes);
    return { kind, token, actor: { type: "token", id } };
  };

  return {
    server,
    own,
    other,
    operatorToken,
    fresh,
    must,
    caller: async (kind, tenant, scopes) => {
      switch (kind) {
        case "anonymous":
          return { kind, token: undefined, actor: { type: "anonymous", id: null } };
        case "operator":
          return { kind, token: operatorToken, actor: { type: "operator", id: operatorId } };
        case "tenantAdmin":
          return { kind, token: tenant.adminToken, actor: { type: "user", id: tenant.admin.id } };
        case "supportAgent":
          return { kind, token: tenant.supportToken, actor: { type: "user", id: tenant.supportId } };
        case "operatorToken":
          return byToken(kind, "/api/admin/tokens", scopes);
        case "tenantToken": {
          const possible = scopes.filter((scope) => tenantScopes.some((allowed) => allowed === scope));
          return byToken(kind, `/api/tenants/tokens?tenantId=${tenant.id}`, possible);
        }
      }
    },
    stop: () => server.stop(),
  };
};
