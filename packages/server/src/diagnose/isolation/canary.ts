import { type RouteId, tenantScopes } from "@tenantctl/contract";
import { build, sql, writeAsLifecycle } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import type { App } from "../../app.ts";
import { parseApiToken } from "../../auth/api-token.ts";
import { useQuota } from "../../quotas/use-quota.ts";
import { bytesOfUser } from "../../users/user-row.ts";
import { callAs } from "./call-as.ts";
import { markAsProbe } from "./probe-credentials.ts";

export interface Caller {
  readonly name: "a tenant_admin" | "a support_agent" | "a token";
  readonly token: string;
}

/** One of the two tenants, with people, a token and rows of its own. */
export interface Canary {
  readonly id: string;
  readonly slug: string;
  readonly admin: Caller;
  readonly support: Caller;
  readonly apiToken: Caller;
  /** By the path that takes it: an id of something it holds. */
  readonly held: Readonly<Record<string, string>>;
  /** What stands in its rows and in nobody else's. */
  readonly marks: readonly string[];
  /** Its credentials are no probe's any more. */
  forget(): void;
}

/** Where ids stand in tenants' paths, and what of a canary they are. A path that is not here is reported as not proven. */
const heldPaths = { user: "/api/tenants/users/:id", customer: "/api/customers/:id", token: "/api/tenants/tokens/:id" };

const created = async (app: App, id: RouteId, token: string, body: object): Promise<{ id: string; token: string }> => {
  const reply = await callAs(app, id, token, { body });
  if (reply.status !== 201) throw new Error(`a canary's ${id} answered ${reply.status}: ${reply.text.slice(0, 300)}`);
  return JSON.parse(reply.text);
};

/** Somebody who is logged in: the account and its session, which no password opens. */
const insertPerson = async (app: App, tenantId: string, slug: string, role: "tenant_admin" | "support_agent") => {
  const [id, sessionId] = [uuidv7(), uuidv7()];
  const email = `${role}@${slug}.invalid`;
  await app.db.operator(writeAsLifecycle(), { tenantId }).transaction(async (transaction) => {
    await transaction.run(
      sql`insert into app.users (tenant_id, id, email, name, role, password_changed_at)
        values (${tenantId}::uuid, ${id}::uuid, ${email}, ${`Canary ${role}`}, ${role}, now())`.compile(build),
    );
    await transaction.run(
      sql`insert into app.sessions (tenant_id, id, user_id, refresh_hash, expires_at)
        values (${tenantId}::uuid, ${sessionId}::uuid, ${id}::uuid, sha256(gen_random_uuid()::text::bytea), now() + interval '1 hour')`.compile(
        build,
      ),
    );
    await transaction.run(useQuota(tenantId, "users", 1));
    await transaction.run(useQuota(tenantId, "storage_bytes", bytesOfUser(tenantId, id)));
  });
  const { accessToken } = app.tokens.sign({
    kind: "user",
    tenantId,
    userId: id,
    role,
    sessionId,
    name: email,
    mustChangePassword: false,
  });
  return { id, email, accessToken, forget: markAsProbe([sessionId]) };
};

/** Fills a canary: its people by hand, the rest through the product's own routes. */
export const fillCanary = async (app: App, id: string, slug: string): Promise<Canary> => {
  const admin = await insertPerson(app, id, slug, "tenant_admin");
  const support = await insertPerson(app, id, slug, "support_agent");
  const mark = `${slug}-${uuidv7()}`;
  const customer = await created(app, "customers.create", admin.accessToken, {
    name: mark,
    email: `${mark}@${slug}.invalid`,
  });
  const token = await created(app, "tenantTokens.create", admin.accessToken, {
    name: mark,
    scopes: [...tenantScopes],
    expiresInDays: 1,
  });
  const hash = parseApiToken(token.token)?.hash.toString("base64");
  const forgetToken = markAsProbe(hash === undefined ? [] : [hash]);
  // Something operators set, which tenants only read.
  await app.db.operator(writeAsLifecycle(), { tenantId: id }).run(
    sql`insert into app.quota_overrides (tenant_id, resource, quota_limit, reason, set_by)
      values (${id}::uuid, 'users', 1000, ${mark}, '{}'::jsonb)`.compile(build),
  );
  return {
    id,
    slug,
    admin: { name: "a tenant_admin", token: admin.accessToken },
    support: { name: "a support_agent", token: support.accessToken },
    apiToken: { name: "a token", token: token.token },
    held: { [heldPaths.user]: support.id, [heldPaths.customer]: customer.id, [heldPaths.token]: token.id },
    marks: [id, mark, admin.id, support.id, admin.email, support.email, customer.id, token.id],
    forget: () => {
      for (const forget of [admin.forget, support.forget, forgetToken]) forget();
    },
  };
};
