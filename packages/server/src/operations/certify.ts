import { createHash } from "node:crypto";
import { ContractError, canonicalJson, type DeletionCertificate } from "@tenantctl/contract";
import { build, type CatalogueTable, sql, type Transaction } from "@tenantctl/database";
import { backupsHolding } from "../backups/backups-holding.ts";
import { jsonTime } from "../json-time.ts";
import { shownName } from "./deletion-tables.ts";
import type { Claimed } from "./hard-delete-batch.ts";
import type { Requester } from "./start-hard-delete.ts";

type Rows = Readonly<Record<string, number>>;

interface Ended {
  readonly slug: string;
  readonly requester: Requester;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly plan: Rows;
  readonly progress: Rows;
  /** Removed by hard deletes that were stopped before this one, since the tenant was last restored. */
  readonly earlier: Rows;
}

const readEnded = ({ operationId }: Claimed) =>
  sql<Ended>`select o.tenant_slug as slug, o.requested_by as requester, ${jsonTime("o.started_at")} as "startedAt",
      ${jsonTime("c.now")} as "finishedAt", coalesce(o.plan, '{}') as plan, coalesce(o.progress, '{}') as progress,
      coalesce((select jsonb_object_agg(name, rows) from (
        select p.key as name, sum(p.value::bigint)::bigint as rows
        from app.operations e, jsonb_each_text(coalesce(e.progress, '{}')) as p
        where e.tenant_id = o.tenant_id and e.kind = o.kind and e.status in ('cancelled', 'failed')
          and e.created_at > coalesce((select max(s.created_at) from app.operations s
            where s.tenant_id = o.tenant_id and s.status = 'succeeded'), '-infinity')
        group by p.key) as stopped), '{}') as earlier
    from app.operations o, (select clock_timestamp()::timestamptz(3) as now) as c
    where o.id = ${operationId}::uuid`.compile(build);

/** Protected tables (those that still exist) of which the operator role does not see every row: a count of none would prove nothing there. */
const hidingTables = sql<{ name: string }>`select c.table_name::text as name from tenancy.table_classes c
  join pg_class t on t.oid = c.table_name
  where c.class = 'protected' and (
    not exists (select from pg_policy p where p.polrelid = c.table_name and p.polname = 'tenancy_operator_read'
      and p.polpermissive and p.polcmd = 'r' and pg_get_expr(p.polqual, p.polrelid) = 'true')
    or exists (select from pg_policy p where p.polrelid = c.table_name and not p.polpermissive))`.compile(build);

const sumOf = (a: Rows, b: Rows): Record<string, number> =>
  Object.fromEntries(
    [...new Set([...Object.keys(a), ...Object.keys(b)])].sort().map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]),
  );

/**
 * The certificate of a hard delete whose scan found nothing left, within the transaction that ends it. `scanned` are the
 * tables that were scanned, by the names that answers use. Throws internal where the scan could not have seen all rows.
 */
export const certify = async (
  transaction: Transaction,
  claimed: Claimed,
  scanned: readonly string[],
  retained: readonly CatalogueTable[],
): Promise<{ certificate: DeletionCertificate; requester: Requester }> => {
  const [[ended], backups, hiding] = await Promise.all([
    transaction.run(readEnded(claimed)),
    transaction.run(backupsHolding(claimed.tenantId)),
    transaction.run(hidingTables),
  ]);
  if (ended === undefined) throw new Error("the operation that ends is not there");
  if (hiding.length > 0) {
    throw new ContractError(
      "internal",
      `The scan cannot tell whether rows are left: policies hide rows of ${hiding.map(({ name }) => name).join(", ")}.`,
      "Restore the canonical policies with tenancy.protect, then delete the tenant again.",
    );
  }
  const { slug, requester, startedAt, finishedAt, plan, progress, earlier } = ended;
  const before = sumOf(plan, earlier);
  const rest: Omit<DeletionCertificate, "digest"> = {
    operationId: claimed.operationId,
    tenantId: claimed.tenantId,
    slug,
    requestedBy: requester.actor.name ?? requester.actor.type,
    startedAt,
    finishedAt,
    removed: sumOf(progress, earlier),
    scan: Object.fromEntries(scanned.map((name) => [name, { before: before[name] ?? 0, after: 0 }])),
    kept: retained.map(shownName).sort(),
    backups,
  };
  const digest = createHash("sha256").update(canonicalJson(rest)).digest("hex");
  return { certificate: { ...rest, digest }, requester };
};
