import { build, type Database, SYSTEM_TENANT_ID, sql, writeAsJob } from "@tenantctl/database";
import type { App } from "../app.ts";
import { asContractError } from "../problem.ts";
import { type CountedUse, countedUse, drifted } from "./counted-use.ts";
import { noteFilling } from "./note-filling.ts";
import { limitOfRow, withLimit } from "./quota-rows.ts";

/** One look: so many milliseconds for those that changed, and as many for the others; so many tenants of each. */
const budgetMs = 15_000;
const atOnce = 2000;
/** Audit rows that are read to find who changed. */
const mostChanges = 50_000;
/** A row is visible only once its transaction is over, which may have begun this much earlier. */
const overlap = sql`interval '1 minute'`;

interface Round {
  readonly since: string;
  readonly after: string;
}

const round =
  sql<Round>`select greatest(coalesce(r.changes_until, now() - interval '1 hour'), now() - interval '7 days')::text as since,
    coalesce(r.after_tenant, ${SYSTEM_TENANT_ID}::uuid) as after
  from (select) one left join app.quota_round r on true`.compile(build);

interface Due {
  readonly id: string;
  /** The last change that was read of it. */
  readonly at: string;
}

/** Who changed what quotas count, those whose last change was read first in front; and until when all rows were read. */
const changedSince = (since: string) =>
  sql<Due>`with rows as (select a.tenant_id, a.at, a.resource_type from app.audit_log a
      where a.at > ${since}::timestamptz - ${overlap} and a.at <= now() order by a.at limit ${sql.lit(mostChanges)})
    select r.tenant_id as id, max(r.at)::text as at from rows r join app.tenants t on t.id = r.tenant_id
    where r.resource_type in ('user', 'customer', 'tenant', 'quota') and t.id <> ${SYSTEM_TENANT_ID}::uuid
      and t.status <> 'purged' and t.hold is null
    group by r.tenant_id order by max(r.at), r.tenant_id limit ${sql.lit(atOnce)}`.compile(build);

/** Until when the rows of such a look reach, where none of its tenants is left. */
const readUntil = (since: string) =>
  sql<{ at: string }>`select coalesce((select a.at from app.audit_log a where a.at > ${since}::timestamptz - ${overlap}
      and a.at <= now() order by a.at offset ${sql.lit(mostChanges)} limit 1), now())::text as at`.compile(build);

const behind = (after: string) =>
  sql<{
    id: string;
  }>`select t.id from app.tenants t where t.id > ${after}::uuid and t.status <> 'purged' and t.hold is null
    order by t.id limit ${sql.lit(atOnce)}`.compile(build);

/** Whether a quota fills without being noted: somebody changed it past the API. */
const isUnnoted = (tenantId: string) =>
  sql<{
    unnoted: boolean;
  }>`select exists (select from app.usage_counters k ${withLimit} where k.tenant_id = ${tenantId}::uuid
      and k.used * 2 >= ${limitOfRow} and k.used > 0
      and not exists (select from app.filling_quotas f where f.tenant_id = k.tenant_id and f.resource = k.resource)) as unnoted`.compile(
    build,
  );

/** Noted, but by now far from full. */
const emptied = sql<{ id: string }>`select distinct k.tenant_id as id from app.filling_quotas k
    left join app.usage_counters c on c.tenant_id = k.tenant_id and c.resource = k.resource ${withLimit}
  where k.resource <> 'api_requests_per_day'
    and coalesce(c.used * 2 < ${limitOfRow}, true) limit ${sql.lit(atOnce)}`.compile(build);

const store = (tenantId: string, { resource, counter, counted }: CountedUse) =>
  sql`insert into app.quota_drift as d (tenant_id, resource, counter, counted)
    values (${tenantId}::uuid, ${resource}::text, ${counter}::bigint, ${counted}::bigint)
    on conflict on constraint quota_drift_pkey do update set counter = excluded.counter, counted = excluded.counted, seen_at = excluded.seen_at`.compile(
    build,
  );

/** Being removed or replaced just now, or too large for one statement: the next round looks again. */
const passes = (error: unknown): boolean =>
  ["tenant_not_found", "tenant_busy", "timeout"].includes(asContractError(error).code);

const look = async (db: Database, id: string, known: ReadonlySet<string>): Promise<void> => {
  const [uses, [state]] = await db.operator().batch([countedUse(id), isUnnoted(id)]);
  const wrong = drifted(uses);
  const right = uses.filter((use) => !wrong.includes(use)).map(({ resource }) => resource);
  if (wrong.length === 0 && state?.unnoted !== true && !known.has(id)) return;
  await db
    .tenant(id, writeAsJob())
    .batch([
      sql`delete from app.quota_drift where tenant_id = ${id}::uuid and resource = any(${right}::text[])`.compile(
        build,
      ),
      ...wrong.map((use) => store(id, use)),
      ...(state?.unnoted === true ? [noteFilling(id)] : []),
    ]);
};

/** Looks at tenants until the time is over; answers how many were looked at. */
const lookAt = async (db: Database, ids: readonly string[], known: ReadonlySet<string>): Promise<number> => {
  const end = performance.now() + budgetMs;
  let done = 0;
  for (const id of ids) {
    if (done > 0 && performance.now() > end) break;
    await look(db, id, known).catch((error: unknown) => {
      if (!passes(error)) throw error;
    });
    done += 1;
  }
  return done;
};

const keep = (changes: string, after: string | null) =>
  sql`insert into app.quota_round as r (changes_until, after_tenant, completed_at)
    values (${changes}::timestamptz, ${after}::uuid, case when ${after}::uuid is null then now() end)
    on conflict (single) do update set changes_until = excluded.changes_until, after_tenant = excluded.after_tenant,
      completed_at = coalesce(excluded.completed_at, r.completed_at)`.compile(build);

/**
 * Compares counters with what is there, without keeping anybody out: of tenants with known drift, of those that changed since,
 * then of the next ones in the order of their ids. Notes what drifted; mends nothing, since somebody should know why.
 */
export const findDrift = async ({ db }: Pick<App, "db">): Promise<void> => {
  const scope = db.operator();
  const [begin] = await scope.run(round);
  if (begin === undefined) throw new Error("a join from one row answered none");
  const [changed, [until], others, known, far] = await scope.batch([
    changedSince(begin.since),
    readUntil(begin.since),
    behind(begin.after),
    sql<{ id: string }>`select distinct tenant_id as id from app.quota_drift limit ${sql.lit(atOnce)}`.compile(build),
    emptied,
  ]);
  const wrong = new Set(known.map(({ id }) => id));
  const first = [...new Set([...wrong, ...changed.map(({ id }) => id)])];
  const seen = await lookAt(db, first, wrong);
  const looked = new Set(first.slice(0, seen));
  const next = await lookAt(
    db,
    others.map(({ id }) => id),
    wrong,
  );
  for (const { id } of far) {
    await db
      .tenant(id, writeAsJob())
      .run(noteFilling(id))
      .catch((error: unknown) => {
        if (!passes(error)) throw error;
      });
  }
  const left = changed.find(({ id }) => !looked.has(id));
  const full = changed.length === atOnce ? changed.at(-1)?.at : until?.at;
  const whole = next === others.length && others.length < atOnce;
  await scope.run(keep(left?.at ?? full ?? begin.since, whole ? null : (others[next - 1]?.id ?? null)));
};
