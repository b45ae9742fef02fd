import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openArchive, verifyArchive, writeArchive } from "../src/index.ts";
import { chunked, collect, copyText, type Row, refusal, rowsOf, source, table } from "./fixtures/sample.ts";

const rows = fc.array(
  fc.array(fc.option(fc.string({ unit: "binary", maxLength: 60 })), { minLength: 2, maxLength: 2 }),
  {
    maxLength: 60,
  },
);

async function withFile<T>(bytes: Buffer, fn: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "archive-"));
  try {
    const path = join(folder, "acme.tar");
    await writeFile(path, bytes);
    return await fn(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("an archive", () => {
  it("gives back the bytes it was written from, whatever the rows, part size and chunks", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(rows, { maxLength: 4 }), fc.nat(400), fc.nat(300), async (tables, part, chunk) => {
        const bytes = await collect(
          writeArchive(
            source(
              tables.map((each, index) => table(`app.t${index}`, each, chunk + 1)),
              { partBytes: part + 1 },
            ),
          ),
        );
        await withFile(bytes, async (path) => {
          const archive = await openArchive(path);
          for (const [index, each] of tables.entries()) {
            expect((await collect(archive.table(`app.t${index}`))).equals(copyText(each))).toBe(true);
          }
          await archive.close();
        });
      }),
      { numRuns: 60 },
    );
  });

  it("cuts parts at rows, and only a row longer than a part into several", async () => {
    const long: Row[] = [["a", "x".repeat(250)]];
    const all = [...rowsOf("acme", 5), ...long, ...rowsOf("beta", 5)];
    const bytes = await collect(writeArchive(source([table("app.users", all)], { partBytes: 100 })));
    const { manifest } = await verifyArchive(chunked(bytes));
    const [users] = manifest.tables;
    expect(users?.rows).toBe(11);
    expect(users?.parts.map((part) => part.rows)).toEqual([2, 2, 1, 0, 0, 2, 2, 2]);
    expect(users?.parts.every((part) => part.bytes <= 100)).toBe(true);
  });

  it("digests a table's rows as a whole where its source does not say, in one part, in many or in none", async () => {
    for (const [rows, partBytes] of [
      [rowsOf("acme", 50), 8_000_000],
      [rowsOf("acme", 50), 100],
      [[], 100],
    ] as const) {
      const undigested = { ...table("app.users", rows), facts: () => ({ rows: rows.length }) };
      const { manifest } = await verifyArchive(
        chunked(await collect(writeArchive(source([undigested], { partBytes })))),
      );
      expect(manifest.tables[0]?.digest).toBe(createHash("sha256").update(copyText(rows)).digest("hex"));
    }
  });

  it("is the same for the same content, however that arrives", async () => {
    const write = (chunk: number) => collect(writeArchive(source([table("app.users", rowsOf("acme", 99), chunk)])));
    expect((await write(7)).equals(await write(100_000))).toBe(true);
  });

  it("says what it holds", async () => {
    const bytes = await collect(writeArchive(source([table('"Odd/../Schema"."tä ble"', rowsOf("acme", 2))])));
    const { manifest, ddl } = await verifyArchive(chunked(bytes));
    expect(manifest).toMatchObject({
      tenant: { slug: "acme", name: "Acme" },
      snapshot: { at: "2026-01-02T03:04:05.678Z", migrations: ["0001_tenancy"] },
      tables: [
        {
          name: '"Odd/../Schema"."tä ble"',
          folder: "tables/0001-_Odd_._Schema_._t__ble_",
          rows: 2,
          primaryKey: ["tenant_id", "id"],
        },
      ],
    });
    expect(ddl.get(manifest.ddl.file)).toBe("create schema app;\n");
    expect(ddl.get(manifest.tables[0]?.ddl[0].file ?? "")).toMatch(/^create table/);
  });

  it("can be of no tenant", async () => {
    const bytes = await collect(writeArchive(source([table("app.plans", rowsOf("x", 1))], { tenant: null })));
    expect((await verifyArchive(chunked(bytes))).manifest.tenant).toBeNull();
  });

  it("reads no further into a table than its reader has asked for", async () => {
    let given = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (const row = copyText(rowsOf("acme", 1000)); ; given += row.length) yield row;
    }
    const stream = writeArchive(source([{ ...table("app.users", []), copy: endless() }], { partBytes: 100_000 }));
    const closed = new Promise((resolve) => stream.once("close", resolve));
    for await (const _ of stream) if (given > 1_000_000) break;
    expect(stream.destroyed).toBe(true);
    await closed;
    const then = given;
    await new Promise((resolve) => setImmediate(resolve));
    expect(given).toBe(then);
  });
});

describe("writing fails, rather than end an archive,", () => {
  const write = (changed: Partial<ReturnType<typeof table>>, more = {}) =>
    refusal(collect(writeArchive(source([{ ...table("app.users", rowsOf("acme", 3)), ...changed }], more))));

  it("when PostgreSQL counted other rows than it sent", async () => {
    expect(await write({ facts: () => ({ rows: 4, digest: "d" }) })).toMatchObject({
      code: "source_invalid",
      message: "app.users: PostgreSQL counted 4 rows, its COPY stream had 3",
    });
  });

  it("when the COPY stream stops in the middle of a row", async () => {
    const text = copyText(rowsOf("acme", 3));
    expect((await write({ copy: chunked(text.subarray(0, -1)), facts: () => ({ rows: 2, digest: "d" }) })).code).toBe(
      "source_invalid",
    );
  });

  it("before the first byte when the tenant is no tenant", async () => {
    expect((await write({}, { tenant: { id: "1", slug: "acme" } })).message).toContain("/tenant");
  });

  it("with the error of the COPY stream", async () => {
    const broken = new Error("connection lost");
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield copyText(rowsOf("acme", 1));
      throw broken;
    }
    await expect(collect(writeArchive(source([{ ...table("app.users", []), copy: failing() }])))).rejects.toBe(broken);
  });
});
