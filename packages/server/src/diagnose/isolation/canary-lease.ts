import { randomUUID } from "node:crypto";
import { ContractError } from "@tenantctl/contract";
import { build, type Database, readCatalogue, sql, writeAsLifecycle } from "@tenantctl/database";

/** The tenants that isolation is tried with: known to app.is_canary, counted as purged, empty but for the moment. */
export const canaryIds = {
  a: "00000000-0000-7000-8000-0000000000ca",
  b: "00000000-0000-7000-8000-0000000000cb",
} as const;

/** Whose process has said nothing for so long is taken to be dead. It says something before each table and each route. */
const deadAfterSeconds = 60;

const inContext = (db: Database, tenantId: string) => db.operator(writeAsLifecycle(), { tenantId });

/** And when a holder must have spoken not to be dead: Citus takes no arithmetic with times where a conflict is resolved. */
const roomiestPlan = sql<{ name: string; dead: string }>`select name,
    (now() - make_interval(secs => ${sql.lit(deadAfterSeconds)}))::text as dead from app.plans
  order by users_limit desc nulls first, customers_limit desc nulls first limit 1`.compile(build);

const registered = (id: string, slug: string, plan: string, holder: string | null) =>
  sql`insert into app.tenants as t (id, slug, name, status, plan, updated_at, deleted_at, purged_at, status_reason)
    values (${id}::uuid, ${slug}, 'Canary of tenantctl diagnose isolation', 'purged', ${plan},
      now(), now(), now(), ${holder}::text)`;

export interface CanaryLease {
  /** Throws lease_lost where another process has taken the canaries over. */
  renew(): Promise<void>;
  /** Lets go of them; they must be empty. */
  release(): Promise<void>;
}

/** Takes both canaries for one diagnosis. Throws lease_held while another one has them. */
export const takeCanaries = async (db: Database): Promise<CanaryLease> => {
  const holder = randomUUID();
  const [plan] = await db.operator().run(roomiestPlan);
  if (plan === undefined) throw new Error("there is no plan");
  const [taken] = await inContext(db, canaryIds.a).run(
    sql<{ id: string }>`${registered(canaryIds.a, "canary-a", plan.name, holder)}
      on conflict (id) do update set status_reason = excluded.status_reason, updated_at = excluded.updated_at
      where t.status_reason is null or least(t.updated_at, excluded.updated_at) < ${plan.dead}::timestamptz
      returning t.id`.compile(build),
  );
  if (taken === undefined) {
    throw new ContractError(
      "lease_held",
      "Isolation is being diagnosed already.",
      "Wait for that to end, then try again.",
      {
        retryAfter: 15,
      },
    );
  }
  await inContext(db, canaryIds.b).run(
    sql`${registered(canaryIds.b, "canary-b", plan.name, null)} on conflict (id) do nothing`.compile(build),
  );
  const update = async (reason: string | null): Promise<void> => {
    const [mine] = await inContext(db, canaryIds.a).run(
      sql<{ id: string }>`update app.tenants set status_reason = ${reason}::text, updated_at = now()
        where id = ${canaryIds.a}::uuid and status_reason = ${holder} returning id`.compile(build),
    );
    if (mine === undefined) {
      throw new ContractError("lease_lost", "Another process took the canaries over.", "Run the diagnosis again.");
    }
  };
  return { renew: () => update(holder), release: () => update(null) };
};

/** Removes every row that the canaries hold. Their audit rows stay, as those of purged tenants do. */
export const emptyCanaries = async (db: Database): Promise<void> => {
  const tables = (await readCatalogue(db.operator())).deletionOrder();
  for (const id of Object.values(canaryIds)) {
    await inContext(db, id).transaction(async (transaction) => {
      // Keys in a cycle are deferrable: all of their rows go in this transaction.
      await transaction.run(sql`set constraints all deferred`.compile(build));
      for (const { name } of tables) {
        await transaction.run(sql`delete from ${sql.raw(name)} where tenant_id = ${id}::uuid`.compile(build));
      }
    });
  }
};

/** Empties the canaries that a killed process has left; those of a diagnosis under way stay. Answers whether there were any. */
export const removeLeftCanaries = async (db: Database): Promise<boolean> => {
  const [left] = await db.operator().run(
    sql<{ id: string }>`select id from app.tenants where id = ${canaryIds.a}::uuid and status_reason is not null
        and least(updated_at, now()) < now() - make_interval(secs => ${sql.lit(deadAfterSeconds)})`.compile(build),
  );
  if (left === undefined) return false;
  const lease = await takeCanaries(db);
  await emptyCanaries(db);
  await lease.release();
  return true;
};
