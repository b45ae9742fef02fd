import { Client } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readCatalogue } from "../src/catalogue.ts";
import { type OpenDatabase, openMigrated } from "./fixtures/open-migrated.ts";
import { refusalOf } from "./fixtures/sql-error.ts";
import { createSampleTenant, insertSql, type SampleTenant, sampleRows } from "./fixtures/tenant-rows.ts";
import { describeOnEachCluster } from "./harness/clusters.ts";
import { withClient } from "./harness/database.ts";

const denied = "42501"; // "permission denied" and "violates row-level security policy" alike

/** What the tenant role may do, where it may not do everything. */
const tenantMay: Record<string, string[]> = {
  "app.tenants": ["select"],
  "app.quota_overrides": ["select"],
  "app.audit_details": ["select", "insert"],
  "app.audit_log": ["select", "insert"],
  "app.usage_minutes": ["select", "insert", "update"],
  "app.usage_days": ["select", "insert", "update"],
  "app.usage_rollups": ["select"],
  "app.tenant_sizes": ["select", "insert", "update"],
  "app.access_log": ["select"],
  "app.audit_seals": ["select"],
  "app.audit_chains": ["select"],
};
/** What the operator role may do, where it may not do everything. */
const operatorMay: Record<string, string[]> = {
  "app.tenants": ["select", "insert", "update"],
  "app.audit_log": ["select", "insert"],
  "app.usage_minutes": ["select", "insert", "update"],
  "app.usage_days": ["select", "insert", "update"],
  "app.usage_rollups": ["select"],
  "app.tenant_sizes": ["select", "insert", "update"],
  "app.access_log": ["select"],
  "app.audit_seals": ["select"],
  "app.audit_chains": ["select"],
};
const everything = ["select", "insert", "update", "delete"];

const tables = [...Object.keys(sampleRows("", 0, "")), "app.tenants"];
const tenantColumn = (table: string) => (table === "app.tenants" ? "id" : "tenant_id");

describeOnEachCluster("isolation", (cluster) => {
  let opened: OpenDatabase;
  let alpha: SampleTenant;
  let beta: SampleTenant;
  const clients: Partial<Record<"tenant" | "operator", Client>> = {};

  beforeAll(async () => {
    opened = await openMigrated(cluster);
    await withClient(opened.database.url, async (client) => {
      alpha = await createSampleTenant(client, "alpha");
      beta = await createSampleTenant(client, "beta");
    });
    for (const role of ["tenant", "operator"] as const) {
      const client = new Client({ connectionString: opened.roleUrls[role] });
      await client.connect();
      clients[role] = client;
    }
  });

  afterAll(async () => {
    await clients.tenant?.end();
    await clients.operator?.end();
    await opened.end();
  });

  /** Runs one statement as `role` in the context of `tenantId` (or none) and takes it back: rows touched or read, or the refusal. */
  async function attempt(
    role: "tenant" | "operator",
    tenantId: string | undefined,
    statement: { text: string; values: unknown[] },
  ): Promise<number | string> {
    const client = clients[role];
    if (client === undefined) throw new Error("not connected");
    let count: number | null = null;
    await client.query("begin");
    if (tenantId !== undefined) await client.query(`set local app.tenant_id = '${tenantId}'`);
    const refusal = await refusalOf(client.query(statement).then((result) => (count = result.rowCount)));
    await client.query("rollback");
    return count ?? refusal;
  }

  const statements = (table: string, tenant: SampleTenant) => {
    const column = tenantColumn(table);
    const where = ` where ${column} = $1`;
    const row =
      table === "app.tenants"
        ? { id: tenant.id, slug: "third", name: "Third", plan: "basic" }
        : (sampleRows(tenant.id, 1, tenant.userId)[table] ?? {});
    const insert = insertSql(table, row);
    return {
      select: { text: `select from ${table}${where}`, values: [tenant.id] },
      insert,
      update: { text: `update ${table} set ${column} = ${column}${where}`, values: [tenant.id] },
      delete: { text: `delete from ${table}${where}`, values: [tenant.id] },
      upsert: {
        text: `${insert.text} on conflict do nothing`,
        values: insert.values,
      },
    };
  };

  it("is tried on every tenant table there is", async () => {
    const { tables: present } = await readCatalogue(opened.db.operator());
    const tenantTables = present.filter((table) => table.class !== "global").map((table) => table.name);
    expect(tables.toSorted()).toEqual(tenantTables.toSorted());
  });

  it.each(tables)("the tenant role reaches its own rows of %s and nobody else's", async (table) => {
    const may = tenantMay[table] ?? everything;
    const own = statements(table, alpha);
    // The control: the row is there, and in its own tenant's context exactly what is granted works.
    for (const verb of ["select", "update"] as const) {
      expect(await attempt("tenant", alpha.id, own[verb]), `own ${verb}`).toBe(may.includes(verb) ? 1 : denied);
    }
    if (table !== "app.tenants") {
      expect(await attempt("tenant", alpha.id, own.insert), "own insert").toBe(may.includes("insert") ? 1 : denied);
    }
    if (table !== "app.users") {
      expect(await attempt("tenant", alpha.id, own.delete), "own delete").toBe(may.includes("delete") ? 1 : denied);
    }

    for (const context of [beta.id, undefined]) {
      expect(await attempt("tenant", context, own.select), "select").toBe(0);
      expect(await attempt("tenant", context, own.insert), "insert").toBe(denied);
      expect(await attempt("tenant", context, own.update), "update").toBe(may.includes("update") ? 0 : denied);
      expect(await attempt("tenant", context, own.delete), "delete").toBe(may.includes("delete") ? 0 : denied);
      expect(await attempt("tenant", context, own.upsert), "upsert").toBe(denied);
    }
  });

  it.each(tables)("an upsert cannot take over another tenant's row of %s", async (table) => {
    const { tables: present } = await readCatalogue(opened.db.operator());
    const key = present.find((found) => found.name === table)?.primaryKey ?? [];
    const column = tenantColumn(table);
    const takeOver = {
      text: `insert into ${table} select * from jsonb_populate_record(null::${table}, $1)
             on conflict (${key.join(", ")}) do update set ${column} = excluded.${column}`,
      values: await withClient(opened.database.url, async (client) => {
        const { rows } = await client.query(`select to_jsonb(t) as row from ${table} t where ${column} = $1`, [
          alpha.id,
        ]);
        return [rows[0]?.row];
      }),
    };
    for (const role of ["tenant", "operator"] as const) {
      for (const context of [beta.id, undefined]) {
        expect(await attempt(role, context, takeOver)).toBe(denied);
      }
    }
  });

  it.each(tables)("the operator role reads all of %s and writes only inside its context", async (table) => {
    const may = operatorMay[table] ?? everything;
    const own = statements(table, alpha);
    for (const context of [beta.id, undefined]) {
      expect(await attempt("operator", context, own.select), "select").toBe(1);
      expect(await attempt("operator", context, own.insert), "insert").toBe(denied);
      expect(await attempt("operator", context, own.update), "update").toBe(may.includes("update") ? 0 : denied);
      expect(await attempt("operator", context, own.delete), "delete").toBe(may.includes("delete") ? 0 : denied);
      expect(await attempt("operator", context, own.upsert), "upsert").toBe(denied);
    }
    expect(await attempt("operator", alpha.id, own.update), "own update").toBe(may.includes("update") ? 1 : denied);
    if (table !== "app.tenants") {
      expect(await attempt("operator", alpha.id, own.insert), "own insert").toBe(may.includes("insert") ? 1 : denied);
    }
  });

  it("the tenant role reaches no global table but plans and whether there is maintenance, and changes none", async () => {
    const { tables: present } = await readCatalogue(opened.db.operator());
    const readable: Readonly<Record<string, number>> = { "app.plans": 3, "app.system_maintenance": 1 };
    for (const { name } of present.filter((table) => table.class === "global")) {
      const select = { text: `select from ${name}`, values: [] };
      expect(await attempt("tenant", alpha.id, select), name).toBe(readable[name] ?? denied);
      for (const text of [`delete from ${name}`, `insert into ${name} default values`]) {
        expect(await attempt("tenant", alpha.id, { text, values: [] }), name).toBe(denied);
      }
    }
  });

  it("no serving role reaches partitions, secrets or the queue, or makes anything", async () => {
    for (const role of ["tenant", "operator"] as const) {
      for (const text of [
        "select from app.audit_log_default",
        "select from tenancy.secrets",
        "create table app.mine (id int)",
        "create temporary table mine (id int)",
        "create schema mine",
        "truncate app.customers",
        "alter table app.customers disable row level security",
        "select tenancy.protect('app.customers')",
      ]) {
        expect(await attempt(role, alpha.id, { text, values: [] }), text).toBe(denied);
      }
    }
  });

  it("a context that is no UUID shows nothing", async () => {
    const select = { text: "select from app.customers", values: [] };
    expect(await attempt("tenant", "", select)).toBe(0);
    expect(await attempt("tenant", "x' or true --".replaceAll("'", "''"), select)).toBe("22P02");
  });
});
