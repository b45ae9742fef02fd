import { afterAll, beforeAll, expect, it } from "vitest";
import { build, sql } from "../src/build.ts";
import { readAsUser, writeAsLogin, writeAsUser } from "../src/entries.ts";
import { inspectNodes, inspectServer } from "../src/inspect.ts";
import { migrate } from "../src/migrate.ts";
import { type OpenDatabase, openMigrated } from "./fixtures/open-migrated.ts";
import { createSampleTenant, type SampleTenant } from "./fixtures/tenant-rows.ts";
import { withClient } from "./harness/database.ts";
import { citusPatienceMs, describeOnCitus } from "./harness/describe-on-citus.ts";

describeOnCitus("a migrated database", (cluster) => {
  let opened: OpenDatabase;
  const tenants: SampleTenant[] = [];

  beforeAll(async () => {
    opened = await openMigrated(cluster());
    await withClient(opened.database.url, async (client) => {
      for (const name of ["alpha", "beta", "gamma"]) tenants.push(await createSampleTenant(client, name));
    });
  }, citusPatienceMs);
  afterAll(() => opened?.end());

  it("has tenants' tables split by tenant, side by side, and what they refer to on every node", async () => {
    const { rows } = await withClient(opened.database.url, (client) =>
      client.query<{ class: string; method: string | null; column: string | null; groups: number; tables: number }>(
        `select c.class, d.partmethod as method, column_to_column_name(d.logicalrelid, d.partkey) as column,
           count(distinct d.colocationid)::int as groups, count(*)::int as tables
         from tenancy.table_classes c left join pg_dist_partition d on d.logicalrelid = c.table_name
         group by 1, 2, 3 order by 1, 2`,
      ),
    );
    const split = rows.filter((row) => row.class === "protected" || row.class === "retained");
    expect(split.map(({ method, column, groups }) => [method, column, groups])).toEqual([
      ["h", "tenant_id", 1],
      ["h", "tenant_id", 1],
    ]);
    expect(rows.find((row) => row.class === "registry")).toMatchObject({ method: "n", tables: 1 });
    expect(rows.filter((row) => row.class === "global" && row.method === "n")).toMatchObject([{ tables: 2 }]);
  });

  it("is left as it is by another run", async () => {
    const { url, prefix } = opened.database;
    expect(await migrate(url, { prefix })).toEqual([]);
  });

  it("shows the tenant role one tenant's rows, on whatever node they are, and without a context none", async () => {
    const everybody = sql<{ tenant_id: string }>`select distinct tenant_id from app.users`.compile(build);
    for (const { id } of tenants) {
      expect(await opened.db.tenant(id, writeAsLogin()).run(everybody)).toEqual([{ tenant_id: id }]);
    }
    expect(await opened.db.rehearseTenant((bare) => bare.run(everybody))).toEqual([]);
    const [one, other] = tenants;
    const stray = sql`insert into app.customers (tenant_id, id, name) values (${other?.id}::uuid, ${other?.id}::uuid, 'stray')`;
    await expect(opened.db.tenant(one?.id ?? "", writeAsLogin()).run(stray.compile(build))).rejects.toMatchObject({
      code: "42501",
    });
  });

  it("says to a tenant's user why they may not enter", async () => {
    const [{ id, userId, sessionId } = { id: "", userId: "", sessionId: "" }] = tenants;
    const anybody = sql`select 1`.compile(build);
    for (const entry of [readAsUser, writeAsUser]) {
      const enter = (role: "tenant_admin" | "support_agent") =>
        opened.db.tenant(id, entry({ sessionId, userId, role })).run(anybody);
      await expect(enter("tenant_admin")).resolves.toHaveLength(1);
      await expect(enter("support_agent")).rejects.toMatchObject({ constraint: "session_ended" });
    }
  });

  it("tells which role a node does not let in, and from where", async () => {
    const { url, prefix } = opened.database;
    expect((await inspectServer(url)).citus).toMatch(/^1\d\./);
    expect(await inspectNodes({ url, prefix })).toEqual([]);
    const kept = `hostssl all ${prefix}_operator 127.0.0.1/32 reject\nhostssl all all 127.0.0.1/32 trust\nhostnossl all all 127.0.0.1/32 scram-sha-256\n`;
    await cluster().authenticateFirstWorker(kept);
    try {
      const [worker] = cluster().workers;
      const { host } = new URL(worker ?? "");
      await expect
        .poll(() => inspectNodes({ url, prefix }), { timeout: 20_000 })
        .toContainEqual({
          role: `${prefix}_operator`,
          from: expect.stringContaining("127.0.0.1:"),
          to: host,
        });
      const closed = await inspectNodes({ url, prefix });
      expect(new Set(closed.map(({ role }) => role))).toEqual(new Set([`${prefix}_operator`]));
    } finally {
      await cluster().authenticateFirstWorker();
    }
  });
});
