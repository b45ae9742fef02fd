import { Client } from "pg";
import { v7 as newId } from "uuid";
import { afterAll, beforeAll, expect, it } from "vitest";
import { build, sql } from "../src/build.ts";
import { checkProtection } from "../src/lints.ts";
import { SYSTEM_TENANT_ID } from "../src/system-tenant.ts";
import { type OpenDatabase, openMigrated } from "./fixtures/open-migrated.ts";
import { describeOnEachCluster } from "./harness/clusters.ts";

describeOnEachCluster("the audit log's partitions", (cluster) => {
  let opened: OpenDatabase;
  let owner: Client;

  beforeAll(async () => {
    opened = await openMigrated(cluster);
    owner = new Client({ connectionString: opened.database.url });
    await owner.connect();
  });
  afterAll(async () => {
    await owner.end();
    await opened.end();
  });

  const partOf = async (id: string) =>
    (
      await owner.query<{ part: string }>("select tableoid::regclass::text as part from app.audit_log where id = $1", [
        id,
      ])
    ).rows;

  it("are there for this month and twelve more; a row finds its month", async () => {
    const { rows } = await owner.query("select from pg_partition_tree('app.audit_log') where isleaf");
    expect(rows).toHaveLength(14);
    const id = newId();
    await opened.db.operator(undefined, { tenantId: SYSTEM_TENANT_ID }).run(
      build
        .insertInto("app.audit_log")
        .values({
          tenant_id: SYSTEM_TENANT_ID,
          id,
          action: "login",
          resource_type: "session",
          outcome: "denied",
          actor_type: "operator",
        })
        .compile(),
    );
    const [{ part } = { part: "" }] = await partOf(id);
    expect(part).toMatch(/^app\.audit_log_\d{4}_\d{2}$/);
  });

  it("take over what was written before they were there, and an operator can have them made", async () => {
    const id = newId();
    await owner.query(
      `insert into app.audit_log (tenant_id, id, at, action, resource_type, outcome, actor_type)
       values ($1, $2, now() + interval '14 months', 'login', 'session', 'success', 'system')`,
      [SYSTEM_TENANT_ID, id],
    );
    expect(await partOf(id)).toEqual([{ part: "app.audit_log_default" }]);
    const ensure = sql<{ made: number }>`select tenancy.ensure_audit_partitions(15) as made`.compile(build);
    expect(await opened.db.operator().run(ensure)).toEqual([{ made: 3 }]);
    expect(await opened.db.operator().run(ensure)).toEqual([{ made: 0 }]);
    expect((await partOf(id))[0]?.part).toMatch(/^app\.audit_log_\d{4}_\d{2}$/);
    expect(await checkProtection(opened.db.operator())).toEqual([]);
  });
});
