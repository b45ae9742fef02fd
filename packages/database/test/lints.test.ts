import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Lint, readLints } from "../src/lint-files.ts";
import { type LintResult, runLints } from "../src/lints.ts";
import type { Scope } from "../src/scope.ts";
import { lintBreaks } from "./fixtures/lint-breaks.ts";
import { type OpenDatabase, openMigrated } from "./fixtures/open-migrated.ts";
import { refusedTables } from "./fixtures/refused-tables.ts";
import { describeOnEachCluster } from "./harness/clusters.ts";
import { urlOf } from "./harness/database.ts";

const lints = await readLints();

/** Lint → what its findings name. */
const fired = (results: LintResult[]) =>
  Object.fromEntries(
    results
      .filter(({ findings }) => findings.length > 0)
      .map(({ lint, findings }) => [lint, findings.map(({ object }) => object)]),
  );

/** A scope over the transaction that `client` is in. */
function within(client: Client): Pick<Scope, "transaction"> {
  let last: Promise<unknown> = Promise.resolve();
  return {
    transaction: (fn) =>
      fn({
        run: (query) => {
          const next = last.then(() => client.query(query.sql, [...query.parameters]));
          last = next;
          return next.then(({ rows }) => rows);
        },
      }),
  };
}

const docs = fileURLToPath(new URL("../../../docs/lints/", import.meta.url));

const indexPage = (): string => `# Isolation lints

What \`tenantctl diagnose isolation\` looks for in the roles, tables, policies, views and functions of a live database, beside its probes. Each is one SQL file in \`packages/database/lints\`, run as the operator role; it changes nothing. \`serve\` refuses to start on those marked with a dot.

| lint | finds | stops \`serve\` |
|---|---|---|
${lints.map(({ name, title, stopsServe }) => `| [${name}](${name}.md) | ${title} | ${stopsServe ? "●" : ""} |`).join("\n")}
`;

describe("the lints' files", () => {
  it("each lint has a page, each page a lint, and each but the server's version a fixture", async () => {
    const names = lints.map(({ name }) => name);
    const pages = await readdir(docs);
    expect(pages.filter((page) => page !== "README.md").sort()).toEqual(names.map((name) => `${name}.md`));
    expect([...new Set(lintBreaks.map(({ lint }) => lint)), "server-version"].sort()).toEqual(names);
  });

  it.each(lints)("the page of $name says what, why and how", async ({ name, title }) => {
    const page = await readFile(join(docs, `${name}.md`), "utf8");
    expect(page.startsWith(`# ${name}\n\n${title}.\n\n**What it finds.** `)).toBe(true);
    expect(page).toMatch(/\n\n\*\*Why it matters\.\*\* \S[\s\S]+\n\n\*\*How to mend it\.\*\* \S/);
  });

  it("the index lists them all (renew: UPDATE_DOCS=1)", async () => {
    if (process.env.UPDATE_DOCS === "1") await writeFile(join(docs, "README.md"), indexPage());
    expect(await readFile(join(docs, "README.md"), "utf8")).toBe(indexPage());
  });
});

describeOnEachCluster("isolation lints", (cluster) => {
  let opened: OpenDatabase;
  let admin: Client;
  let adminIsSuperuser: boolean;

  beforeAll(async () => {
    opened = await openMigrated(cluster, {}, { ownRoles: true }); // damage to shared roles would hold up other tests
    admin = new Client({ connectionString: urlOf(cluster.adminUrl, opened.database.name) });
    await admin.connect();
    const { rows } = await admin.query("select rolsuper from pg_roles where rolname = current_user");
    adminIsSuperuser = rows[0]?.rolsuper === true;
    const adopter = new Client({ connectionString: opened.database.url });
    await adopter.connect();
    await adopter.query(named(adopted));
    await adopter.end();
  });
  afterAll(async () => {
    await admin?.end();
    await opened?.end();
  });
  afterEach(async () => {
    await admin.query("rollback");
    await admin.query("reset all; reset role");
  });

  const named = (text: string) =>
    text.replaceAll("ROLE_", `${opened.database.prefix}_`).replaceAll("DATABASE", opened.database.name);

  /** What an installation may have besides the product's own, all of it sound. */
  const adopted = `
    create schema shop;
    create table shop.orders (tenant_id uuid not null references app.tenants, id uuid, customer_id uuid, nr serial, primary key (tenant_id, id));
    select tenancy.protect('shop.orders');
    alter table shop.orders add foreign key (tenant_id, customer_id) references app.customers on delete set null (customer_id);
    create table public.events (tenant_id uuid not null, at date not null, id uuid, primary key (tenant_id, at, id)) partition by range (at);
    create table public.events_2030 partition of public.events for values from ('2030-01-01') to ('2031-01-01');
    select tenancy.retain('public.events');
    create table public.countries (code text primary key);
    select tenancy.global('public.countries', 'select');
    create view shop.open_orders with (security_invoker = yes) as select * from shop.orders;
    grant select on shop.open_orders to ROLE_tenant;
    create view shop.back_office as select * from shop.orders;
    create materialized view shop.totals as select count(*) from shop.orders;
    create function shop.count_all() returns bigint language sql security definer set search_path = '' return (select count(*) from shop.orders);
    revoke execute on function shop.count_all() from public;
    grant ROLE_jobs to ROLE_admin;
    set role ROLE_jobs;
    create schema if not exists graphile_worker;
    create table graphile_worker.queue (id int);
    reset role;
    revoke ROLE_jobs from ROLE_admin;
  `;

  /** What the lints find after `damage`, looking as the role operator. Nothing of it stays. */
  async function lintsAfter(damage: string, asSuperuser: boolean, chosen: Lint[] = lints): Promise<LintResult[]> {
    await admin.query("begin");
    // Who is no superuser must be a member to look as the operator.
    if (!adminIsSuperuser) await admin.query(named("set local role ROLE_admin; grant ROLE_operator to session_user"));
    if (!asSuperuser) await admin.query(named("set local role ROLE_admin"));
    await admin.query(named(damage));
    await admin.query(named("reset role; set local role ROLE_operator"));
    return runLints(within(admin), chosen);
  }

  it("a clean database with adopted tables has no finding, for the role that asks", async () => {
    const results = await runLints(opened.db.operator(undefined, { readOnly: true }));
    expect(results.map(({ lint }) => lint)).toEqual(lints.map(({ name }) => name));
    expect(fired(results)).toEqual({});
  });

  it.for(lintBreaks)("$lint names $object after: $damage", async (broken, { skip }) => {
    const { lint, object, damage, superuser = false, also = [], mend } = broken;
    skip(superuser && !adminIsSuperuser, "only a superuser can do this damage");
    const results = await lintsAfter(damage, superuser);
    const found = fired(results);
    expect(found[lint]).toContain(named(object));
    expect(Object.keys(found).sort()).toEqual([lint, ...also].sort());

    if (mend === "by hand") return;
    await admin.query("reset role");
    if (!superuser) await admin.query(named("set local role ROLE_admin"));
    for (const { fix } of results.find((result) => result.lint === lint)?.findings ?? []) await admin.query(fix);
    await admin.query(named("reset role; set local role ROLE_operator"));
    const itself = lints.filter(({ name }) => name === lint);
    expect(fired(await runLints(within(admin), itself))).toEqual({});
  });

  it.for(refusedTables)("what protect would refuse is found where it came later: %s", async ([, ddl]) => {
    const tables = `${ddl}; set local role ROLE_owner; insert into tenancy.table_classes (table_name, class) values ('public.t', 'protected')`;
    const found = fired(await lintsAfter(tables, false));
    const others = ["rls-off", "rls-not-forced", "policy-missing"];
    expect(Object.keys(found).filter((lint) => !others.includes(lint))).not.toEqual([]);
  });

  it.for([
    [150013, "PostgreSQL 15.13", "15.14"],
    [160009, "PostgreSQL 16.9", "16.10"],
    [170005, "PostgreSQL 17.5", "17.6"],
    [140030, "PostgreSQL 14.30", "15"],
  ] as const)("server-version finds a server of number %i", async ([number, object, wanted]) => {
    const asOld = lints
      .filter(({ name }) => name === "server-version")
      .map((lint) => ({ ...lint, text: lint.text.replace("current_setting('server_version_num')", `'${number}'`) }));
    const [result] = await lintsAfter("", false, asOld);
    expect(result?.findings).toMatchObject([{ object, fix: expect.stringContaining(wanted) }]);
  });
});
