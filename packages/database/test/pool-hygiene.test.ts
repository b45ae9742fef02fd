import { v7 as newId } from "uuid";
import { afterAll, beforeAll, expect, it } from "vitest";
import { build, sql } from "../src/build.ts";
import { openDatabase } from "../src/database.ts";
import { DatabaseUnavailable } from "../src/database-error.ts";
import { readAsUser, writeAsUser } from "../src/entries.ts";
import { type OpenDatabase, openMigrated } from "./fixtures/open-migrated.ts";
import { createSampleTenant, type SampleTenant } from "./fixtures/tenant-rows.ts";
import { waitUntil } from "./fixtures/wait-until.ts";
import { describeOnEachCluster } from "./harness/clusters.ts";
import { withClient } from "./harness/database.ts";

const whoAmI = sql<{ pid: number }>`select pg_backend_pid() as pid`.compile(build);
const allCustomers = build.selectFrom("app.customers").select("tenant_id").compile();

describeOnEachCluster("connections", (cluster) => {
  let opened: OpenDatabase;
  let alpha: SampleTenant;
  let beta: SampleTenant;
  const broken: Error[] = [];

  beforeAll(async () => {
    opened = await openMigrated(cluster, { poolSizes: { tenant: 1 }, onError: (error) => broken.push(error) });
    await withClient(opened.database.url, async (client) => {
      alpha = await createSampleTenant(client, "alpha");
      beta = await createSampleTenant(client, "beta");
    });
  });
  afterAll(() => opened.end());

  const scopeOf = (tenant: SampleTenant, entry: typeof readAsUser | typeof writeAsUser = writeAsUser) =>
    opened.db.tenant(tenant.id, entry({ sessionId: tenant.sessionId, userId: tenant.userId, role: "tenant_admin" }));

  /** Ends a connection from outside; a role may end its own. */
  const kill = (pid: number | undefined) =>
    withClient(opened.roleUrls.tenant, (client) => client.query("select pg_terminate_backend($1)", [pid]));

  it("killed in the middle of a transaction fail it, and the next borrower gets a clean one", async () => {
    const id = newId();
    let killed: number | undefined;
    const work = scopeOf(alpha).transaction(async (transaction) => {
      await transaction.run(
        build.insertInto("app.customers").values({ tenant_id: alpha.id, id, name: "Lost" }).compile(),
      );
      [{ pid: killed } = { pid: 0 }] = await transaction.run(whoAmI);
      await kill(killed);
      await transaction.run(whoAmI);
    });
    await expect(work).rejects.toThrow(DatabaseUnavailable);
    expect(await scopeOf(beta, readAsUser).run(allCustomers)).toEqual([{ tenant_id: beta.id }]);
    const [next] = await scopeOf(beta, readAsUser).run(whoAmI);
    expect(next?.pid).not.toBe(killed);
    expect(await scopeOf(alpha, readAsUser).run(allCustomers)).toEqual([{ tenant_id: alpha.id }]);
  });

  it("killed while idle are reported and replaced", async () => {
    const [idle] = await scopeOf(alpha).run(whoAmI);
    await kill(idle?.pid);
    await waitUntil(async () => broken.length > 0);
    expect(await scopeOf(alpha, readAsUser).run(allCustomers)).toEqual([{ tenant_id: alpha.id }]);
  });

  it("on which a statement was cancelled are used again, without the tenant that had them", async () => {
    const cancelled = scopeOf(alpha).transaction(async (transaction) => {
      await transaction.run(sql`set local statement_timeout = '50ms'`.compile(build));
      await transaction.run(sql`select pg_sleep(60)`.compile(build));
    });
    await expect(cancelled).rejects.toMatchObject({ code: "57014" });
    expect(await scopeOf(beta, readAsUser).run(allCustomers)).toEqual([{ tenant_id: beta.id }]);
    expect(opened.db.connections.tenant).toEqual({ total: 1, idle: 1, waiting: 0, max: 1 });
  });

  it("left idle inside a transaction are taken away by the server, by the limit set on the role", async () => {
    const idle = scopeOf(alpha).transaction(async (transaction) => {
      await transaction.run(sql`set local idle_in_transaction_session_timeout = '50ms'`.compile(build));
      const [{ pid } = { pid: 0 }] = await transaction.run(whoAmI);
      await waitUntil(() =>
        withClient(opened.roleUrls.tenant, async (client) => {
          const { rows } = await client.query("select from pg_stat_activity where pid = $1", [pid]);
          return rows.length === 0;
        }),
      );
    });
    await expect(idle).rejects.toThrow(DatabaseUnavailable);
    expect(await scopeOf(beta, readAsUser).run(allCustomers)).toEqual([{ tenant_id: beta.id }]);
  });

  it("have their time limits from their role", async () => {
    const limits =
      sql`select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
      current_setting('idle_in_transaction_session_timeout') as idle`.compile(build);
    expect(await scopeOf(alpha).run(limits)).toEqual([{ statement: "30s", lock: "10s", idle: "30s" }]);
    expect(await opened.db.operator().run(limits)).toEqual([{ statement: "2min", lock: "30s", idle: "1min" }]);
  });

  it("that cannot be had are reported as such, with the way out", async () => {
    const { url, prefix } = opened.database;
    const nowhere = await openDatabase({
      url,
      prefix,
      roleUrls: { tenant: "postgres://nobody:x@127.0.0.1:1/none" },
      connectTimeout: 2000,
    });
    await expect(
      nowhere.tenant(alpha.id, readAsUser({ sessionId: newId(), userId: newId(), role: "tenant_admin" })).run(whoAmI),
    ).rejects.toMatchObject({ code: "database_unavailable", hint: expect.stringContaining("PostgreSQL") });
    await nowhere.close();
  });

  it("that are all lent to others are told from a database that does not answer", async () => {
    const { url, prefix } = opened.database;
    const entry = readAsUser({ sessionId: alpha.sessionId, userId: alpha.userId, role: "tenant_admin" });
    const small = await openDatabase({ url, prefix, poolSizes: { tenant: 1 }, connectTimeout: 1000 });
    let lent = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      lent = resolve;
    });
    let over = false;
    const busy = small.tenant(alpha.id, entry).transaction(async (transaction) => {
      while (!over) {
        await transaction.run(whoAmI);
        lent();
      }
    });
    await begun;
    await expect(small.tenant(alpha.id, entry).run(whoAmI)).rejects.toMatchObject({ code: "pool_exhausted" });
    over = true;
    await busy;
    expect(await small.tenant(alpha.id, entry).run(whoAmI)).toHaveLength(1);
    await small.close();
  });
});
