import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { asUser } from "../src/connection-url.ts";
import { openDatabase } from "../src/database.ts";
import { checkProtection } from "../src/lints.ts";
import { migrate, pendingMigrations } from "../src/migrate.ts";
import { describeSchema } from "../src/schema-description.ts";
import { describeOnEachCluster } from "./harness/clusters.ts";
import { createDatabase, type TestDatabase, urlOf, withClient } from "./harness/database.ts";

const golden = new URL("../schema.sql", import.meta.url);

describeOnEachCluster("migrations", (cluster) => {
  let database: TestDatabase;
  let folder: string;

  beforeEach(async () => {
    database = await createDatabase({ cluster });
    folder = await mkdtemp(join(tmpdir(), "migrations-"));
  });
  afterEach(async () => {
    await database.drop();
    await rm(folder, { recursive: true });
  });

  const run = (options = {}) => migrate(database.url, { prefix: database.prefix, ...options });
  const withExtra = () => run({ extraDirectories: [folder] });
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  const schema = async () => {
    const db = await openDatabase({ url: database.url, prefix: database.prefix });
    try {
      return { text: await describeSchema(db.operator()), problems: await checkProtection(db.operator()) };
    } finally {
      await db.close();
    }
  };

  it("set up an empty database as schema.sql says, protected from the start; a second run changes nothing", async () => {
    expect((await run())[0]).toBe("0001_tenancy.sql");
    const fresh = await schema();
    if (process.env.UPDATE_SCHEMA === "1") {
      await writeFile(golden, fresh.text);
    }
    expect(fresh.text, "differs from schema.sql: look, then run this test with UPDATE_SCHEMA=1").toBe(
      await readFile(golden, "utf8"),
    );
    expect(fresh.problems).toEqual([]);
    expect(await run()).toEqual([]);
    expect(await schema()).toEqual(fresh);
  });

  it("agree when twenty run at once: each file is applied by one of them", async () => {
    const runs = await Promise.all(Array.from({ length: 20 }, () => run()));
    const applied = runs.flat();
    expect(applied.length).toBeGreaterThan(0);
    expect(new Set(applied).size).toBe(applied.length);
    expect((await schema()).text).toBe(await readFile(golden, "utf8"));
  });

  it("let go of the queue for a lock that somebody holds, and come again until it is free", async () => {
    await run();
    await write("0001_column.sql", "alter table app.plans add column colour text;");
    await withClient(database.url, async (reader) => {
      await reader.query(`set role ${database.prefix}_owner`);
      await reader.query("begin; lock table app.plans in access share mode");
      const migrated = withExtra();
      await withClient(database.url, async (other) => {
        const waiting = "select from pg_locks where relation = 'app.plans'::regclass and not granted";
        while ((await other.query(waiting)).rows.length === 0);
        // It stands behind the migration, and gets there although the reader goes on.
        await other.query(`set role ${database.prefix}_owner`);
        await other.query("select from app.plans");
      });
      await reader.query("rollback");
      expect(await migrated).toEqual(["0001_column.sql"]);
    });
  });

  it("run an adopter's files as the owner, after the product's, and tell what is pending", async () => {
    await run();
    await write(
      "0001_shop.sql",
      "create table app.orders (tenant_id uuid, id uuid, primary key (tenant_id, id)); select tenancy.protect('app.orders');",
    );
    const db = await openDatabase({ url: database.url, prefix: database.prefix });
    expect(await pendingMigrations(db.operator(), { extraDirectories: [folder] })).toEqual(["0001_shop.sql"]);
    expect(await withExtra()).toEqual(["0001_shop.sql"]);
    expect(await pendingMigrations(db.operator(), { extraDirectories: [folder] })).toEqual([]);
    expect(await pendingMigrations(db.operator())).toEqual([]);
    expect(await checkProtection(db.operator())).toEqual([]);
    await db.close();
  });

  it("apply a file whose number is below one that was applied before: branches number on their own", async () => {
    await write("0007_later.sql", "create schema later;");
    await withExtra();
    await write("0003_earlier.sql", "create schema earlier;");
    expect(await withExtra()).toEqual(["0003_earlier.sql"]);
    expect(await withExtra()).toEqual([]);
  });

  it("refuse a file that was edited after it had been applied", async () => {
    await write("0001_shop.sql", "create schema shop;");
    await withExtra();
    await write("0001_shop.sql", "create schema shop; create schema shop2;");
    await expect(withExtra()).rejects.toMatchObject({
      code: "migration_edited",
      message: expect.stringContaining("0001_shop.sql"),
    });
  });

  it("keep nothing of a file that fails, not even its ledger row, and go on from there", async () => {
    await write("0001_shop.sql", "create table app.half (id int); select 1 / 0;");
    await expect(withExtra()).rejects.toMatchObject({
      code: "migration_failed",
      message: expect.stringContaining("division by zero"),
    });
    await write("0001_shop.sql", "create table app.half (id int); select tenancy.global('app.half');");
    expect(await withExtra()).toEqual(["0001_shop.sql"]);
  });

  it("refuse a file that ends its transaction", async () => {
    await write("0001_shop.sql", "commit;");
    await expect(withExtra()).rejects.toMatchObject({
      code: "migration_failed",
      message: expect.stringContaining("ends the transaction"),
    });
  });

  it("build an index concurrently, even while others wait to migrate", async () => {
    await write(
      "0001_index.sql",
      "-- tenantctl: no-transaction\ncreate index concurrently if not exists by_phone on app.customers (tenant_id, phone)",
    );
    const runs = await Promise.all([withExtra(), withExtra(), withExtra()]);
    expect(runs.flat().filter((name) => name === "0001_index.sql")).toHaveLength(1);
  });

  it("refuse two files of one name, and a database that a newer version has migrated", async () => {
    await copyFile(new URL("../migrations/0001_tenancy.sql", import.meta.url), join(folder, "0001_tenancy.sql"));
    await expect(withExtra()).rejects.toMatchObject({ code: "migration_ambiguous" });
    await run();
    await withClient(database.url, (client) =>
      client.query("insert into tenancy.migrations (name, origin, sha256) values ('9999_later.sql', 'tenantctl', '')"),
    );
    await expect(run()).rejects.toMatchObject({
      code: "migration_unknown",
      message: expect.stringContaining("9999_later.sql"),
    });
  });

  it("give the roles the passwords of the URLs they are given, also after these change", async () => {
    for (const password of ["first one", "sécond!"]) {
      const roleUrls = { tenant: asUser(database.url, `${database.prefix}_tenant`, password) };
      await run({ roleUrls });
      await withClient(roleUrls.tenant, (client) => client.query("select 1"));
    }
    await expect(
      run({ roleUrls: { tenant: asUser(database.url, `${database.prefix}_operator`, "x") } }),
    ).rejects.toMatchObject({ code: "role_url_invalid" });
  });

  it("leave the roles of another installation in the same PostgreSQL alone", async () => {
    await run();
    const second = `${database.prefix}_second`;
    await withClient(database.url, async (client) => {
      await client.query("reset role");
    });
    await withClient(cluster.adminUrl, (client) =>
      client.query(`create database ${second} owner ${database.prefix}_admin`),
    );
    try {
      await expect(migrate(urlOf(database.url, second), { prefix: database.prefix })).rejects.toMatchObject({
        code: "role_prefix_taken",
      });
      expect((await schema()).problems).toEqual([]);
    } finally {
      await withClient(cluster.adminUrl, (client) => client.query(`drop database ${second} with (force)`));
    }
  });

  it("say what to do about a database that was never migrated, and a prefix that is not its own", async () => {
    await expect(openDatabase({ url: database.url, prefix: database.prefix })).rejects.toMatchObject({
      code: "database_not_migrated",
      hint: "Run: tenantctl migrate",
    });
    await run();
    await expect(migrate(database.url, { prefix: `${database.prefix}x` })).rejects.toMatchObject({
      code: "role_prefix_differs",
    });
    await expect(migrate("mysql://nope", {})).rejects.toMatchObject({ code: "database_url_invalid" });
    await expect(migrate(database.url, { prefix: 'x"; drop' })).rejects.toMatchObject({ code: "role_prefix_invalid" });
  });
});
