import { Client, DatabaseError } from "pg";
import { v7 as newId } from "uuid";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { build, sql } from "../src/build.ts";
import { countRows, readCatalogue } from "../src/catalogue.ts";
import { readAsExport, writeAsJob } from "../src/entries.ts";
import { checkProtection } from "../src/protection.ts";
import { type OpenDatabase, openMigrated } from "./fixtures/open-migrated.ts";
import { refusalOf } from "./fixtures/sql-error.ts";
import { createSampleTenant, type SampleTenant } from "./fixtures/tenant-rows.ts";
import { describeOnEachCluster } from "./harness/clusters.ts";

/** What is wrong with `t`, made by `ddl`, in the one sentence protect refuses it with. */
const refusals: [sentence: string, ddl: string][] = [
  ['t has no column "tenant_id uuid not null"', "create table t (id uuid primary key)"],
  ['t has no column "tenant_id uuid not null"', "create table t (tenant_id uuid, id uuid unique)"],
  [
    't has no column "tenant_id uuid not null"',
    "create table t (tenant_id text not null, id uuid, primary key (tenant_id, id))",
  ],
  ["t has no primary key; it needs one that begins with tenant_id", "create table t (tenant_id uuid not null)"],
  [
    'the primary key "t_pkey" of t does not begin with tenant_id',
    "create table t (tenant_id uuid not null, id uuid primary key)",
  ],
  [
    'the unique key "t_code_key" of t does not begin with tenant_id',
    "create table t (tenant_id uuid not null, id uuid, code text unique, primary key (tenant_id, id))",
  ],
  [
    'the exclusion constraint "t_code_excl" of t does not begin with tenant_id',
    "create table t (tenant_id uuid not null, id uuid, code text, primary key (tenant_id, id), exclude (code with =))",
  ],
  [
    'the foreign key "t_customer_fkey" of t does not begin with tenant_id on both sides',
    `create table t (tenant_id uuid not null, id uuid, customer uuid, primary key (tenant_id, id));
     alter table t add constraint t_customer_fkey foreign key (customer, tenant_id) references app.customers (id, tenant_id)`,
  ],
  [
    'the foreign key "t_parent_fkey" of t points to u, which is in no class: classify that table first',
    `create table u (id uuid primary key);
     create table t (tenant_id uuid not null, id uuid, parent uuid references u, primary key (tenant_id, id))`.replace(
      "parent uuid references u",
      "parent uuid constraint t_parent_fkey references u",
    ),
  ],
  [
    'the foreign key "t_tenant_id_fkey" of t may tie only tenant_id to app.tenants, and without cascade',
    "create table t (tenant_id uuid not null references app.tenants on delete cascade, id uuid, primary key (tenant_id, id))",
  ],
  [
    'the foreign key "t_other_fkey" of t may tie only tenant_id to app.tenants, and without cascade',
    "create table t (tenant_id uuid not null, id uuid, other uuid references app.tenants, primary key (tenant_id, id))",
  ],
  [
    'the foreign key "u_tenant_id_id_fkey" of u points to t from outside the tenant tables',
    `create table t (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
     create table u (tenant_id uuid, id uuid, foreign key (tenant_id, id) references t)`,
  ],
  [
    'the foreign key "t_above_fkey" of t is part of a cycle and must be deferrable',
    `create table t (tenant_id uuid not null, id uuid, above uuid, primary key (tenant_id, id),
       constraint t_above_fkey foreign key (tenant_id, above) references t)`,
  ],
  [
    'the foreign key "t_user_fkey" of t would overwrite tenant_id on delete: name the columns to set',
    `create table t (tenant_id uuid not null, id uuid, usr uuid, primary key (tenant_id, id),
       constraint t_user_fkey foreign key (tenant_id, usr) references app.users on delete set null)`,
  ],
  [
    't has the trigger "touch"; tenant tables have none',
    `create table t (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
     create trigger touch before update on t for each row execute function suppress_redundant_updates_trigger()`,
  ],
  [
    'the column "nr" of t is an identity column; give it a default instead',
    "create table t (tenant_id uuid not null, nr int generated always as identity, primary key (tenant_id, nr))",
  ],
  [
    't has the rule "quiet"; tenant tables have none',
    `create table t (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
     create rule quiet as on delete to t do instead nothing`,
  ],
  [
    't has a policy of its own, "mine"; the canonical ones must be the only ones',
    `create table t (tenant_id uuid not null, id uuid, primary key (tenant_id, id)); create policy mine on t using (true)`,
  ],
  [
    "t takes part in table inheritance, which row-level security does not follow",
    `create table t (tenant_id uuid not null, id uuid, primary key (tenant_id, id)); create table u () inherits (t)`,
  ],
  ["t is not an ordinary, permanent table", "create view t as select 1"],
  [
    "t is a partition: name its parent instead",
    `create table u (tenant_id uuid not null, id uuid, primary key (tenant_id, id)) partition by hash (tenant_id);
     create table t partition of u for values with (modulus 1, remainder 0)`,
  ],
];

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

  it.each(refusals)("protect refuses: %s", async (sentence, ddl) => {
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
      /Row-level security of app.customers is not enabled/,
      "alter table app.customers disable row level security",
      "select tenancy.protect('app.customers')",
    ],
    [
      /Row-level security of app.tenants is not forced/,
      "alter table app.tenants no force row level security",
      "alter table app.tenants force row level security",
    ],
    [
      /^app.customers has a policy of its own, "wide"; .* as it is/,
      "create policy wide on app.customers using (true)",
      "drop policy wide on app.customers",
    ],
    [
      /^The policy "tenancy_tenant" of app.customers is not the canonical one/,
      "alter policy tenancy_tenant on app.customers using (true)",
      "select tenancy.protect('app.customers')",
    ],
    [
      /^The policy "tenancy_owner" of app.users is missing/,
      "drop policy tenancy_owner on app.users",
      "select tenancy.seal('app.users', 'tenant_id')",
    ],
    [
      /"customers_phone" of app.customers does not begin with tenant_id; as it is/,
      "create unique index customers_phone on app.customers (phone)",
      "drop index app.customers_phone",
    ],
    [
      /reach app.everybody, which row-level security does not cover/,
      "create view app.everybody as select * from app.customers; grant select on app.everybody to ROLE_tenant",
      "drop view app.everybody",
    ],
    [
      /reach app.audit_log_default, which/,
      "grant select on app.audit_log_default to ROLE_tenant",
      "revoke all on app.audit_log_default from ROLE_tenant",
    ],
    [
      /may execute public.peek\(\), which runs as/,
      "create function public.peek() returns bigint language sql security definer return (select count(*) from app.customers)",
      "drop function public.peek()",
    ],
    [
      /_tenant may create objects in the schema app/,
      "grant create on schema app to ROLE_tenant",
      "revoke create on schema app from ROLE_tenant",
    ],
    [
      /_tenant may truncate app.customers/,
      "grant truncate on app.customers to ROLE_tenant",
      "revoke truncate on app.customers from ROLE_tenant",
    ],
    [
      /_jobs can reach the table app.users/,
      "grant select on app.users to ROLE_jobs",
      "revoke select on app.users from ROLE_jobs",
    ],
    [
      /_tenant can reach tenancy.migrations, which/,
      "grant select on tenancy.migrations to ROLE_tenant",
      "revoke select on tenancy.migrations from ROLE_tenant",
    ],
    [/_tenant is a member of .*_jobs/, "grant ROLE_jobs to ROLE_tenant", "revoke ROLE_jobs from ROLE_tenant"],
    [
      /_operator is allowed to create roles/,
      "alter role ROLE_operator createrole",
      "alter role ROLE_operator nocreaterole",
    ],
    [/_owner is allowed to log in/, "alter role ROLE_owner login", "alter role ROLE_owner nologin"],
  ];

  it.each(breaks)("a check finds and names: %s", async (problem, damage, repair) => {
    const named = (text: string) => text.replaceAll("ROLE_", `${opened.database.prefix}_`);
    await adopter.query(named(damage));
    const found = await checkProtection(opened.db.operator());
    await adopter.query(named(repair));
    expect(found[0]).toMatch(problem);
    expect(found.length).toBeLessThanOrEqual(problem.source.includes("is a member") ? 2 : 1);
    expect(await checkProtection(opened.db.operator())).toEqual([]);
  });
});
