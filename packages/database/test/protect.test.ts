import { Client, DatabaseError } from "pg";
import { v7 as newId } from "uuid";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { build, sql } from "../src/build.ts";
import { countRows, readCatalogue } from "../src/catalogue.ts";
import { readAsExport, writeAsJob } from "../src/entries.ts";
import { checkProtection, runLints } from "../src/lints.ts";
import { type OpenDatabase, openMigrated } from "./fixtures/open-migrated.ts";
import { refusedTables } from "./fixtures/refused-tables.ts";
import { refusalOf } from "./fixtures/sql-error.ts";
import { createSampleTenant, type SampleTenant } from "./fixtures/tenant-rows.ts";
import { describeOnEachCluster } from "./harness/clusters.ts";

const sound = "create table t (tenant_id uuid not null, id uuid, secret text, primary key (tenant_id, id))";

describeOnEachCluster("classes of table", (cluster) => {
  let opened: OpenDatabase;
  let adopter: Client;
  let tenant: SampleTenant;

  beforeAll(async () => {
    opened = await openMigrated(cluster, {}, { ownRoles: true }); // some tests damage the roles
    adopter = new Client({ connectionString: opened.database.url });
    await adopter.connect();
    tenant = await createSampleTenant(adopter, "alpha");
  });
  afterAll(async () => {
    await adopter.end();
    await opened.end();
  });
  afterEach(async () => {
    await adopter.query("rollback");
  });

  async function sentenceOf(work: Promise<unknown>): Promise<string> {
    try {
      await work;
      return "none";
    } catch (error) {
      return error instanceof DatabaseError ? error.message.replaceAll("public.", "") : String(error);
    }
  }

  it.each(refusedTables)("protect refuses: %s", async (sentence, ddl) => {
    await adopter.query("begin");
    await adopter.query(ddl);
    expect(await sentenceOf(adopter.query("select tenancy.protect('t')"))).toBe(sentence);
  });

  it.each([
    [
      '"truncate" is not something the tenant role may be given on a table',
      "tenancy.protect('t', tenant_may => 'select, truncate')",
    ],
    ['t has no column "pin" to keep secret', "tenancy.protect('t', secret => '{pin}')"],
    ["t is protected already and cannot become global", "tenancy.protect('t'), tenancy.global('t')"],
  ])("a call is refused: %s", async (sentence, call) => {
    await adopter.query("begin");
    await adopter.query(sound);
    expect(await sentenceOf(adopter.query(`select ${call}`))).toBe(sentence);
  });

  it("allow what is safe: cascades inside a tenant, deferrable cycles, keys to global tables", async () => {
    await adopter.query("begin");
    await adopter.query(`
      ${sound};
      alter table t add column above uuid, add column usr uuid, add column plan text references app.plans,
        add foreign key (tenant_id) references app.tenants,
        add foreign key (tenant_id, above) references t deferrable,
        add foreign key (tenant_id, usr) references app.users on delete cascade`);
    expect(
      await sentenceOf(adopter.query("select tenancy.protect('t'), tenancy.protect('t', secret => '{secret}')")),
    ).toBe("none");
  });

  it("an adopted table is isolated, counted, exported and deletable by one call", async () => {
    await adopter.query(`
      create table public.invoices (tenant_id uuid not null references app.tenants, id uuid, nr serial, amount numeric, pin text,
        primary key (tenant_id, id));
      select tenancy.protect('public.invoices', secret => '{pin}')`);
    const own = opened.db.tenant(tenant.id, writeAsJob());
    const insert = (tenantId: string) =>
      sql`insert into public.invoices (tenant_id, id, amount) values (${tenantId}, ${newId()}, 12.50)`.compile(build);
    await own.run(insert(tenant.id));
    expect(await refusalOf(own.run(insert(newId())))).toBe("42501");
    const other = await createSampleTenant(adopter, "other");
    const all = sql`select nr from public.invoices`.compile(build);
    expect(await opened.db.tenant(other.id, writeAsJob()).run(all)).toEqual([]);

    const catalogue = await readCatalogue(opened.db.operator());
    const invoices = catalogue.exported().find((table) => table.name === "public.invoices");
    expect(invoices).toMatchObject({
      class: "protected",
      secretColumns: ["pin"],
      primaryKey: ["tenant_id", "id"],
      foreignKeys: [
        { columns: ["tenant_id"], references: "app.tenants", referencedColumns: ["id"], deferrable: false },
      ],
    });
    const counts = await opened.db.tenantSnapshot(tenant.id, readAsExport(), (snapshot) =>
      countRows(snapshot, tenant.id, catalogue.exported()),
    );
    expect(counts).toMatchObject({ "app.customers": 1, "app.users": 1, "public.invoices": 1 });
    expect(Object.keys(counts)).not.toContain("app.sessions");

    const deletion = opened.db.operator(undefined, { tenantId: tenant.id });
    await deletion.transaction(async (transaction) => {
      for (const table of catalogue.deletionOrder()) {
        await transaction.run(sql`delete from ${sql.raw(table.name)} where tenant_id = ${tenant.id}`.compile(build));
      }
    });
    const left = await countRows(opened.db.operator(), tenant.id, catalogue.deletionOrder());
    expect(Object.values(left).every((rows) => rows === 0)).toBe(true);
    expect((await countRows(opened.db.operator(), other.id, catalogue.deletionOrder()))["app.users"]).toBe(1);
    expect(await checkProtection(opened.db.operator())).toEqual([]);
    await adopter.query("drop table public.invoices");
  });

  it("a freshly migrated database has no problem", async () => {
    expect(await checkProtection(opened.db.operator())).toEqual([]);
  });

  const breaks: [problem: RegExp, damage: string, repair: string][] = [
    [/^The table public.stray is in no class/, "create table public.stray (id int)", "drop table public.stray"],
    [
      /^Row-level security of app.customers is not enabled.*\. Mend it: alter table app.customers enable/,
      "alter table app.customers disable row level security",
      "alter table app.customers enable row level security",
    ],
    [
      /^The policy "tenancy_owner" of app.users is missing\. Mend it: select tenancy.seal/,
      "drop policy tenancy_owner on app.users",
      "select tenancy.seal('app.users', 'tenant_id')",
    ],
    [
      /_operator is allowed to create roles/,
      "alter role ROLE_operator createrole",
      "alter role ROLE_operator nocreaterole",
    ],
  ];

  // What else there is, lints.test.ts breaks one by one.
  it.each(breaks)("serving is refused with the way out: %s", async (problem, damage, repair) => {
    const named = (text: string) => text.replaceAll("ROLE_", `${opened.database.prefix}_`);
    await adopter.query(named(damage));
    const found = await checkProtection(opened.db.operator());
    await adopter.query(named(repair));
    expect(found).toEqual([expect.stringMatching(problem)]);
    expect(await checkProtection(opened.db.operator())).toEqual([]);
  });

  it("what only diagnose looks for does not keep the server from starting", async () => {
    await adopter.query("create sequence public.shared; grant select on sequence public.shared to public");
    const [lint] = (await runLints(opened.db.operator())).filter(({ findings }) => findings.length > 0);
    expect(lint?.lint).toBe("sequence-granted");
    expect(await checkProtection(opened.db.operator())).toEqual([]);
    await adopter.query("drop sequence public.shared");
  });
});
