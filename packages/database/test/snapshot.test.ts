import { afterAll, beforeAll, expect, it } from "vitest";
import { build, sql } from "../src/build.ts";
import type { Statement } from "../src/context.ts";
import { readAsExport, writeAsJob } from "../src/entries.ts";
import { type OpenDatabase, openMigrated } from "./fixtures/open-migrated.ts";
import { refusalOf } from "./fixtures/sql-error.ts";
import { createSampleTenant, type SampleTenant } from "./fixtures/tenant-rows.ts";
import { describeOnEachCluster } from "./harness/clusters.ts";
import { withClient } from "./harness/database.ts";

const count = sql<{ rows: number }>`select count(*) as rows from app.customers`.compile(build);

describeOnEachCluster("snapshots", (cluster) => {
  let opened: OpenDatabase;
  let alpha: SampleTenant;

  beforeAll(async () => {
    opened = await openMigrated(cluster, { poolSizes: { tenantStream: 1, operatorStream: 1 } });
    await withClient(opened.database.url, async (client) => {
      alpha = await createSampleTenant(client, "alpha");
      await createSampleTenant(client, "beta");
    });
  });
  afterAll(() => opened.end());

  const inSnapshot = <T>(fn: Parameters<typeof opened.db.tenantSnapshot<T>>[2]) =>
    opened.db.tenantSnapshot(alpha.id, readAsExport(), fn);
  const numbers = (upTo: number) => sql<{ n: number }>`select n from generate_series(1, ${upTo}::int) n`.compile(build);

  it("show one tenant as it was when they began, whatever is written meanwhile", async () => {
    await inSnapshot(async (snapshot) => {
      expect(await snapshot.run(count)).toEqual([{ rows: 1 }]);
      await opened.db
        .tenant(alpha.id, writeAsJob())
        .run(
          sql`insert into app.customers (tenant_id, id, name) values (${alpha.id}, gen_random_uuid(), 'late')`.compile(
            build,
          ),
        );
      expect(await snapshot.run(count)).toEqual([{ rows: 1 }]);
    });
    expect(await inSnapshot((snapshot) => snapshot.run(count))).toEqual([{ rows: 2 }]);
    expect(await opened.db.operatorSnapshot(undefined, (snapshot) => snapshot.run(count))).toEqual([{ rows: 3 }]);
  });

  it.each([0, 1, 9, 10, 11, 25])("stream all of %i rows in batches, in order", async (rows) => {
    const seen = await inSnapshot(async (snapshot) => {
      const batches: number[][] = [];
      for await (const batch of snapshot.stream(numbers(rows), { batchSize: 10 })) {
        batches.push(batch.map((row) => row.n));
      }
      return batches;
    });
    expect(seen.flat()).toEqual(Array.from({ length: rows }, (_, index) => index + 1));
    expect(seen.length).toBe(Math.ceil(rows / 10));
  });

  it("send rows asked for as COPY text byte for byte as COPY sends them", async () => {
    const rows = `select n, b, f, t, null as nothing, '' as empty, at, j, y from (values
      (1, true, 0.1::float8, E'tab\\t line\\n return\\r back\\b feed\\f up\\v slash \\\\ \\x01 ä 😀', '2026-02-01 12:00:00.5+02'::timestamptz, '{"a": "\\n"}'::jsonb, '\\x5c00'::bytea),
      (2, false, 'NaN', repeat('long', 200000), null, '[]', ''),
      (3, null, -1e300, E'\\\\N', 'infinity', 'null', null)) v (n, b, f, t, at, j, y)
      where $1::int is null or n <= $1 order by n`;
    const read = async (statement: Statement): Promise<string> => {
      const snapshot = opened.db.sharedSnapshot([]);
      const pieces: Buffer[] = [];
      const also: Statement = { sql: "select 'x'", parameters: [] };
      const statements = [also, statement, also];
      for await (const answer of snapshot.ask([{ tenantId: alpha.id, entry: undefined, statements }]))
        if (answer.kind === "copy") pieces.push(Buffer.from(answer.bytes));
      await snapshot.end();
      return Buffer.concat(pieces).toString("latin1");
    };
    for (const upTo of ["null", "0", "1", "2"]) {
      const text = rows.replaceAll("$1", upTo);
      const copied = await read({ sql: `copy (${text}) to stdout`, parameters: [], plain: true });
      expect(await read({ sql: rows, parameters: [upTo === "null" ? null : upTo], asCopyText: true })).toBe(copied);
    }
  });

  it("go on after a reader that stops early, and stream several tables one after the other", async () => {
    await inSnapshot(async (snapshot) => {
      for await (const _ of snapshot.stream(numbers(1000), { batchSize: 10 })) break;
      for await (const batch of snapshot.stream(numbers(3))) expect(batch).toHaveLength(3);
      expect(await snapshot.run(count)).toEqual([{ rows: 2 }]);
    });
  });

  it("break the stream, not end it, when the database fails midway; the connection serves the next", async () => {
    const failing = sql<{ n: number }>`select 1 / (25 - n) as n from generate_series(1, 30) n`.compile(build);
    let seen = 0;
    const reading = inSnapshot(async (snapshot) => {
      for await (const batch of snapshot.stream(failing, { batchSize: 10 })) seen += batch.length;
    });
    expect(await refusalOf(reading)).toBe("22012");
    expect(seen).toBe(20);
    expect(await inSnapshot((snapshot) => snapshot.run(count))).toEqual([{ rows: 2 }]);
  });

  it("refuse to write, and to be opened by whoever may not enter", async () => {
    const writing = inSnapshot((snapshot) => snapshot.run(sql`delete from app.customers`.compile(build)));
    expect(await refusalOf(writing)).toBe("25006");
    const absent = "018f0000-0000-7000-8000-000000000000";
    expect(await refusalOf(opened.db.tenantSnapshot(absent, readAsExport(), async () => undefined))).toBe(
      "tenant_not_found",
    );
  });
});
