import { v7 as newId } from "uuid";
import { afterAll, beforeAll, expect, it } from "vitest";
import { build, sql } from "../src/build.ts";
import { DatabaseUnavailable } from "../src/database-error.ts";
import { writeAsUser } from "../src/entries.ts";
import { type OpenDatabase, openMigrated } from "./fixtures/open-migrated.ts";
import { refusalOf } from "./fixtures/sql-error.ts";
import { createSampleTenant, type SampleTenant } from "./fixtures/tenant-rows.ts";
import { describeOnEachCluster } from "./harness/clusters.ts";
import { withClient } from "./harness/database.ts";

const whoAmI = sql<{ pid: number; context: string | null }>`select pg_backend_pid() as pid,
  nullif(current_setting('app.tenant_id', true), '') as context`.compile(build);

/** Fails or not by its parameter, under one name. */
const quotient = (divisor: number) => sql<{ quotient: number }>`select 6 / ${divisor}::int as quotient`.compile(build);

describeOnEachCluster("whole transactions in one exchange", (cluster) => {
  let opened: OpenDatabase;
  let alpha: SampleTenant;

  beforeAll(async () => {
    opened = await openMigrated(cluster, { poolSizes: { tenant: 1, operator: 1 } });
    alpha = await withClient(opened.database.url, (client) => createSampleTenant(client, "alpha"));
  });
  afterAll(() => opened.end());

  const scope = () =>
    opened.db.tenant(alpha.id, writeAsUser({ sessionId: alpha.sessionId, userId: alpha.userId, role: "tenant_admin" }));

  it("leave the connection clean when they fail, however often, and it is kept", async () => {
    const [before] = await scope().run(whoAmI);
    const warnings: Error[] = [];
    const warned = (warning: Error): number => warnings.push(warning);
    process.on("warning", warned);
    for (let use = 1; use <= 20; use += 1) expect(await refusalOf(scope().run(quotient(0)))).toBe("22012");
    process.off("warning", warned);
    expect(warnings).toEqual([]);
    const bare = opened.db.operator();
    expect(await refusalOf(bare.run(quotient(0)))).toBe("22012");
    expect(await bare.run(whoAmI)).toMatchObject([{ context: null }]);
    expect(await scope().run(whoAmI)).toEqual([{ pid: before?.pid, context: alpha.id }]);
  });

  it("prepare a statement whose first uses failed", async () => {
    for (const divisor of [0, 0, 0, 0, 2, 0, 3])
      expect(
        await scope()
          .run(quotient(divisor))
          .catch(() => "failed"),
      ).toEqual(divisor === 0 ? "failed" : [{ quotient: 6 / divisor }]);
  });

  it("read answers that come in many pieces, and none of what stands between them", async () => {
    const long = sql<{ text: string; n: number }>`select repeat('ü', ${400_000}::int) as text, n
      from generate_series(1, 20) n`.compile(build);
    const notice = sql<never>`do $$ begin raise notice 'by the way'; end $$`.compile(build);
    const many = sql<{ n: number }>`select n from generate_series(1, 30000) n`.compile(build);
    const [texts, , numbers] = await scope().batch([long, notice, many]);
    expect(texts.map(({ text, n }) => [text === "ü".repeat(400_000), n])).toEqual(
      Array.from({ length: 20 }, (_, index) => [true, index + 1]),
    );
    expect(numbers.length).toBe(30_000);
    expect(numbers.every(({ n }, index) => n === index + 1)).toBe(true);
    expect(await scope().run(whoAmI)).toMatchObject([{ context: alpha.id }]);
  });

  it("give text that is only passed on as its bytes, and nothing as null", async () => {
    const row = sql<{ one: Buffer; none: Buffer | null }>`select 'grün'::text as "utf8:one", null::text as "utf8:none"`;
    for (let use = 1; use <= 4; use += 1)
      expect(await scope().run(row.compile(build))).toEqual([{ one: Buffer.from("grün"), none: null }]);
  });

  it("share a connection with transactions that take the same statements one by one", async () => {
    for (let use = 1; use <= 4; use += 1) {
      expect(await scope().run(quotient(3))).toEqual([{ quotient: 2 }]);
      const several = scope().transaction((transaction) =>
        Promise.all([transaction.run(quotient(1)), transaction.run(quotient(6))]),
      );
      expect(await several).toEqual([[{ quotient: 6 }], [{ quotient: 1 }]]);
    }
  });

  it("keep nothing of what came before the failure", async () => {
    const id = newId();
    const insert = build.insertInto("app.customers").values({ tenant_id: alpha.id, id, name: "Half" }).compile();
    const kept = sql<{ id: string }>`select id from app.customers where id = ${id}::uuid`.compile(build);
    expect(await refusalOf(scope().batch([insert, quotient(0), insert]))).toBe("22012");
    expect(await scope().batch([kept, quotient(2)])).toEqual([[], [{ quotient: 3 }]]);
  });

  it("that the server ends are reported as a database that is away, and the next ones get another connection", async () => {
    const [before] = await scope().run(whoAmI);
    const ending = sql`select pg_terminate_backend(pg_backend_pid()), pg_sleep(60)`.compile(build);
    await expect(scope().run(ending)).rejects.toThrow(DatabaseUnavailable);
    const [after] = await scope().run(whoAmI);
    expect(after?.pid).not.toBe(before?.pid);
  });
});
