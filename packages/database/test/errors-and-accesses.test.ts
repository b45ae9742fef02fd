import { Client } from "pg";
import { v7 as newId } from "uuid";
import { afterAll, beforeAll, expect, it } from "vitest";
import { build, sql } from "../src/build.ts";
import { checkProtection } from "../src/lints.ts";
import { type OpenDatabase, openMigrated } from "./fixtures/open-migrated.ts";
import { describeOnEachCluster } from "./harness/clusters.ts";

describeOnEachCluster("error groups and the access log", (cluster) => {
  let opened: OpenDatabase;
  let owner: Client;
  const tenantId = newId();

  beforeAll(async () => {
    opened = await openMigrated(cluster);
    owner = new Client({ connectionString: opened.database.url });
    await owner.connect();
  });
  afterAll(async () => {
    await owner.end();
    await opened.end();
  });

  const access = (actorId: string, age: number) => ({
    tenantId,
    actorType: "user",
    actorId,
    route: "customers.list",
    address: "192.0.2.1",
    requests: 2,
    firstRequestId: "a",
    lastRequestId: "b",
    age,
  });
  const addAccesses = (lines: readonly object[]) =>
    opened.db.operator().run(sql`select app.add_accesses(${JSON.stringify(lines)}::json)`.compile(build));
  const rowsOf = async (actorId: string) =>
    (
      await owner.query<{ part: string; requests: string }>(
        "select tableoid::regclass::text as part, requests::text from app.access_log where actor_id = $1 order by minute",
        [actorId],
      )
    ).rows;

  it("adds up requests of one minute, in that day's partition", async () => {
    const actor = newId();
    await addAccesses([access(actor, 0), access(actor, 0), access(actor, 3600)]);
    const rows = await rowsOf(actor);
    expect(rows.reduce((sum, { requests }) => sum + Number(requests), 0)).toBe(6);
    for (const { part } of rows) expect(part).toMatch(/^app\.access_log_(\d{4}_\d\d_\d\d|default)$/);
  });

  it("moves rows of days without a partition into their own, and drops what is older than 90 days", async () => {
    const actor = newId();
    await addAccesses([access(actor, 86_400 * 40), access(actor, 86_400 * 100)]);
    expect(await rowsOf(actor)).toEqual(Array(2).fill({ part: "app.access_log_default", requests: "2" }));
    const operator = opened.db.operator();
    await operator.run(sql`select tenancy.ensure_access_partitions()`.compile(build));
    await operator.run(sql`select app.drop_old_accesses()`.compile(build));
    const [row, ...more] = await rowsOf(actor);
    expect(row?.part).toMatch(/^app\.access_log_\d{4}_\d\d_\d\d$/);
    expect(more).toEqual([]);
    expect(await checkProtection(operator)).toEqual([]);
  });

  it("adds up what went wrong, by kind", async () => {
    const line = {
      fingerprint: "00000000000000ab",
      code: "internal",
      error: "Error",
      source: "job",
      place: "test",
      expected: false,
      message: "m",
      stack: null,
      requestId: null,
      version: "1",
      occurrences: 3,
      tenantIds: [tenantId],
      age: 0,
      firstAge: 10,
    };
    const add = sql`select app.add_errors(${JSON.stringify([line])}::json)`.compile(build);
    for (let time = 0; time < 2; time += 1) await opened.db.operator().run(add);
    const { rows } = await owner.query(
      "select occurrences::int, tenant_ids, first_seen_at < last_seen_at as ordered from app.error_groups",
    );
    expect(rows).toEqual([{ occurrences: 6, tenant_ids: [tenantId], ordered: true }]);
    expect(await opened.db.operator().run(sql`select app.forget_old_errors() as gone`.compile(build))).toEqual([
      { gone: 0 },
    ]);
  });
});
