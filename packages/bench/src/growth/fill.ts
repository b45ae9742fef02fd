import type { BenchSystem } from "../bench-system.ts";
import { loadTenants } from "../load-tenants.ts";

const loadedAtOnce = 20_000;
const customersEach = 2;
/** Of each kind of fact so many tenants have something to say, however many there are: the work stays the same. */
export const busy = 50;

/** Tenants that are mostly quiet: each backed up an hour ago, each with a line in the audit log of this month and of the last. */
export const fill = async (system: BenchSystem, name: string, tenants: number): Promise<void> => {
  const { sql } = system;
  for (let first = 1; first <= tenants; first += loadedAtOnce) {
    const count = Math.min(loadedAtOnce, tenants - first + 1);
    await loadTenants(system, { name, kind: "05", first, count, customers: customersEach });
  }
  const ours = "from app.tenants t where t.slug like $1 || '-%'";
  await sql(
    `insert into app.backup_facts (tenant_id, last_backup_at, last_backup_bytes, last_verified_at)
      select t.id, now() - interval '1 hour', 1000, now() - interval '1 day' ${ours}`,
    [name],
  );
  await sql(
    `insert into app.audit_log (id, tenant_id, action, resource_type, outcome, actor_type, actor_name, at)
      select gen_random_uuid(), t.id, 'create', 'customer', 'success', 'system', 'bench', m.at
      from app.tenants t, (values (now()), (date_trunc('month', now()) - interval '1 day')) m(at) where t.slug like $1 || '-%'`,
    [name],
  );
  // Every plan has a limit, and as many quotas are nearly full whether there are many tenants or few.
  await sql("update app.plans set users_limit = 100, customers_limit = 100000, storage_bytes_limit = 1000000000000");
  await sql(
    `update app.usage_counters c set used = 95 from (select t.id ${ours} order by t.id limit ${busy}) few
      where c.tenant_id = few.id and c.resource = 'users'`,
    [name],
  );
  await sql("select app.note_filling_of_plan(p.name) from app.plans p");
  await sql("vacuum analyze");
  await sql("checkpoint");
};
