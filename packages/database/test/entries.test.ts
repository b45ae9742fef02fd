import { Client } from "pg";
import { v7 as newId } from "uuid";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { build, sql } from "../src/build.ts";
import type { Entries } from "../src/database.ts";
import * as entries from "../src/entries.ts";
import { SYSTEM_TENANT_ID } from "../src/system-tenant.ts";
import { type OpenDatabase, openMigrated } from "./fixtures/open-migrated.ts";
import { refusalOf } from "./fixtures/sql-error.ts";
import { createSampleTenant, type SampleTenant } from "./fixtures/tenant-rows.ts";
import { waitUntil } from "./fixtures/wait-until.ts";
import { describeOnEachCluster } from "./harness/clusters.ts";

const anything = sql`select 1`.compile(build);

describeOnEachCluster("entry checks", (cluster) => {
  let opened: OpenDatabase;
  let owner: Client;
  let tenant: SampleTenant;

  beforeAll(async () => {
    opened = await openMigrated(cluster);
    owner = new Client({ connectionString: opened.database.url });
    await owner.connect();
  });
  beforeEach(async () => {
    tenant = await createSampleTenant(owner, `t-${newId()}`);
  });
  afterAll(async () => {
    await owner.end();
    await opened.end();
  });

  const user = (change: object = {}) =>
    ({ sessionId: tenant.sessionId, userId: tenant.userId, role: "tenant_admin", ...change }) as const;
  const token = (change: object = {}) => ({ tokenHash: tenant.tokenHash, scope: "backup:read", ...change });
  const enter = (entry: Entries, tenantId = tenant.id) => refusalOf(opened.db.tenant(tenantId, entry).run(anything));
  const setStatus = (status: string) => {
    const since = (...those: string[]) => (those.includes(status) ? "now()" : "null");
    return owner.query(
      `update app.tenants set status = $2, deleted_at = ${since("deleted", "purged")}, purged_at = ${since("purged")}
       where id = $1`,
      [tenant.id, status],
    );
  };

  const who = {
    "a user reads": () => entries.readAsUser(user()),
    "a user writes": () => entries.writeAsUser(user()),
    "a token reads": () => entries.readAsToken(token()),
    "a token writes": () => entries.writeAsToken(token()),
    "an operator reads": () => entries.readAsOperator(),
    "an operator writes": () => entries.writeAsOperator(),
    "an operator exports": () => entries.readAsExport(),
    "a job writes": () => entries.writeAsJob(),
    "somebody logs in": () => entries.writeAsLogin(),
  };
  /** Per caller: active, suspended, cancelled, deleted, purged. */
  const byStatus: [keyof typeof who, string, string, string, string, string][] = [
    ["a user reads", "none", "tenant_suspended", "tenant_cancelled", "session_ended", "session_ended"],
    ["a user writes", "none", "tenant_suspended", "tenant_cancelled", "session_ended", "session_ended"],
    ["a token reads", "none", "tenant_suspended", "tenant_cancelled", "token_invalid", "token_invalid"],
    ["a token writes", "none", "tenant_suspended", "tenant_cancelled", "token_invalid", "token_invalid"],
    ["an operator reads", "none", "none", "none", "tenant_not_found", "tenant_not_found"],
    ["an operator writes", "none", "none", "none", "tenant_not_found", "tenant_not_found"],
    ["an operator exports", "none", "none", "none", "none", "tenant_not_found"],
    ["a job writes", "none", "none", "none", "none", "tenant_not_found"],
    ["somebody logs in", "none", "tenant_suspended", "tenant_cancelled", "tenant_not_found", "tenant_not_found"],
  ];

  it.each(byStatus)("when %s, the tenant's state decides", async (caller, ...expected) => {
    const seen: string[] = [];
    for (const status of ["active", "suspended", "cancelled", "deleted", "purged"]) {
      await setStatus(status);
      seen.push(await enter(who[caller]()));
    }
    expect(seen).toEqual(expected);
  });

  it("end a session with its own end, its expiry, the user's disabling or another role", async () => {
    expect(await enter(entries.readAsUser(user()))).toBe("none");
    expect(await enter(entries.readAsUser(user({ sessionId: newId() })))).toBe("session_ended");
    expect(await enter(entries.readAsUser(user({ userId: newId() })))).toBe("session_ended");
    expect(await enter(entries.writeAsUser(user({ role: "support_agent" })))).toBe("session_ended");
    for (const change of [
      `update app.sessions set ended_at = now() where id = '${tenant.sessionId}'`,
      `update app.sessions set ended_at = null, expires_at = now() - interval '1 ms' where id = '${tenant.sessionId}'`,
      `update app.sessions set expires_at = 'infinity' where id = '${tenant.sessionId}';
       update app.users set disabled_at = now() where id = '${tenant.userId}'`,
      `update app.users set disabled_at = null, role = 'support_agent' where id = '${tenant.userId}'`,
    ]) {
      await owner.query(change);
      expect(await enter(entries.readAsUser(user())), change).toBe("session_ended");
      expect(await enter(entries.writeAsUser(user())), change).toBe("session_ended");
    }
    expect(await enter(entries.readAsUser(user({ role: "support_agent" })))).toBe("none");
  });

  it("refuse a token that is unknown, of another tenant, revoked, expired or lacks the scope", async () => {
    const other = await createSampleTenant(owner, `o-${newId()}`);
    expect(await enter(entries.readAsToken(token({ tokenHash: Buffer.from("?") })))).toBe("token_invalid");
    expect(await enter(entries.readAsToken(token()), other.id)).toBe("token_invalid");
    expect(await enter(entries.readAsToken(token({ scope: "tenants:write" })))).toBe("scope_missing");
    await owner.query("update app.api_tokens set revoked_at = now() where tenant_id = $1", [tenant.id]);
    expect(await enter(entries.writeAsToken(token()))).toBe("token_invalid");
    await owner.query(
      "update app.api_tokens set revoked_at = null, expires_at = now() - interval '1 ms' where tenant_id = $1",
      [tenant.id],
    );
    expect(await enter(entries.readAsToken(token()))).toBe("token_invalid");
    await owner.query("update app.api_tokens set expires_at = 'infinity' where tenant_id = $1", [tenant.id]);
    expect(await enter(entries.readAsToken(token()))).toBe("none");
  });

  it("let a session of one tenant into no other, and nobody into the system tenant", async () => {
    const other = await createSampleTenant(owner, `o-${newId()}`);
    expect(await enter(entries.readAsUser(user()), other.id)).toBe("session_ended");
    expect(await enter(entries.readAsOperator(), SYSTEM_TENANT_ID)).toBe("tenant_not_found");
    expect(await enter(entries.readAsOperator(), newId())).toBe("tenant_not_found");
  });

  it("end an operator's session and tokens when the operator is disabled", async () => {
    const [operatorId, sessionId] = [newId(), newId()];
    const tokenHash = Buffer.from(operatorId);
    await owner.query("insert into app.operators (id, email, name) values ($1, $2, 'Root')", [
      operatorId,
      `${operatorId}@x.org`,
    ]);
    await owner.query(
      "insert into app.operator_sessions (id, operator_id, refresh_hash, expires_at) values ($1, $2, 'x', 'infinity')",
      [sessionId, operatorId],
    );
    await owner.query(
      "insert into app.operator_tokens (id, name, token_hash, scopes, created_by) values ($1, 'cron', $2, '{backup:read}', $3)",
      [newId(), tokenHash, operatorId],
    );
    const bySession = (claims = { sessionId, operatorId }) =>
      refusalOf(opened.db.operator(entries.operatorSession(claims)).run(anything));
    const byToken = (scope: string) =>
      refusalOf(opened.db.operator(entries.operatorToken({ tokenHash, scope })).run(anything));
    expect([await bySession(), await byToken("backup:read"), await byToken("tenants:write")]).toEqual([
      "none",
      "none",
      "scope_missing",
    ]);
    expect(await bySession({ sessionId, operatorId: newId() })).toBe("session_ended");
    await owner.query("update app.operators set disabled_at = now() where id = $1", [operatorId]);
    expect([await bySession(), await byToken("backup:read")]).toEqual(["session_ended", "token_invalid"]);
  });

  it("make writers, and only writers, give way to whoever holds the tenant", async () => {
    const holder = new Client({ connectionString: opened.roleUrls.operator });
    await holder.connect();
    await holder.query("select pg_advisory_lock(tenancy.lock_key($1))", [tenant.id]);
    expect(await enter(entries.writeAsUser(user()))).toBe("tenant_busy");
    expect(await enter(entries.writeAsJob())).toBe("tenant_busy");
    expect(await enter(entries.writeAsLogin())).toBe("tenant_busy");
    expect(await refusalOf(opened.db.operator(entries.writeAsLifecycle(), { tenantId: tenant.id }).run(anything))).toBe(
      "tenant_busy",
    );
    expect(await enter(entries.readAsUser(user()))).toBe("none");
    await holder.end();
    await waitUntil(async () => (await enter(entries.writeAsUser(user()))) === "none");

    await owner.query(`update app.tenants set hold = '{"operation": "delete"}' where id = $1`, [tenant.id]);
    expect(await enter(entries.writeAsToken(token()))).toBe("tenant_busy");
    expect(await enter(entries.writeAsOperator())).toBe("tenant_busy");
    expect(await enter(entries.readAsOperator())).toBe("none");
  });

  it("keep the tenant from being held while a writer is at work", async () => {
    await opened.db.tenant(tenant.id, entries.writeAsUser(user())).transaction(async (transaction) => {
      await transaction.run(anything);
      const { rows } = await owner.query("select pg_try_advisory_lock(tenancy.lock_key($1)) as taken", [tenant.id]);
      expect(rows).toEqual([{ taken: false }]);
    });
  });

  it("read the state as it is once the lock is had, not as it was when the statement began", async () => {
    // Each statement waits at a gate with its snapshot taken already; meanwhile the tenant is suspended.
    const gate = 4711;
    const parameters = [tenant.id, tenant.sessionId, tenant.userId];
    const outcomes: Record<string, Promise<string>> = {};
    const callers: Client[] = [];
    await owner.query("select pg_advisory_lock($1)", [gate]);
    for (const name of ["read_as_user", "write_as_user"]) {
      const caller = new Client({ connectionString: opened.roleUrls.tenant });
      callers.push(caller);
      await caller.connect();
      await caller.query("begin");
      await caller.query(`set local app.tenant_id = '${tenant.id}'`);
      outcomes[name] = refusalOf(
        caller.query(
          `with gate as materialized (select pg_advisory_lock_shared(${gate}))
           select app.${name}($1, $2, $3, 'tenant_admin') from gate`,
          parameters,
        ),
      );
    }
    await waitUntil(async () => {
      const { rows } = await owner.query(
        "select from pg_locks where locktype = 'advisory' and objid = $1 and not granted",
        [gate],
      );
      return rows.length === 2;
    });
    await setStatus("suspended");
    await owner.query("select pg_advisory_unlock($1)", [gate]);
    expect(await outcomes.write_as_user).toBe("tenant_suspended");
    expect(await outcomes.read_as_user).toBe("none"); // the control: a STABLE function sees the statement's snapshot
    for (const caller of callers) await caller.end();
  });

  it("let 50 parallel users of a quota have exactly what is left of it", async () => {
    await owner.query("insert into app.usage_counters (tenant_id, resource, used) values ($1, 'customers', 999)", [
      tenant.id,
    ]);
    const take = sql`select app.use_quota(${tenant.id}, 'customers', 1)`.compile(build);
    const scope = opened.db.tenant(tenant.id, entries.writeAsUser(user()));
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => refusalOf(scope.run(take))));
    expect(outcomes.filter((outcome) => outcome === "none")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "quota_exceeded")).toHaveLength(49);

    await owner.query(
      "update app.quota_overrides set resource = 'customers', quota_limit = null where tenant_id = $1",
      [tenant.id],
    );
    expect(await refusalOf(scope.run(take))).toBe("none");
    // Not now: the column's milliseconds round up, so that what ends now may end a moment later.
    await owner.query("update app.quota_overrides set expires_at = now() - interval '1 ms' where tenant_id = $1", [
      tenant.id,
    ]);
    expect(await refusalOf(scope.run(take))).toBe("quota_exceeded");
  });
});
