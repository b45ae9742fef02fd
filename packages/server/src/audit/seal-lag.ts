import { sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";

/** Counted up to here: more says no more. */
const mostCounted = 10_000;

/**
 * What waits to be sealed, as a subselect of one row for any role operator statement: `waiting` (rows, at most 10,001),
 * `seconds` (float8, age of the oldest; 0 where none waits) and `sealed_until` (timestamptz: all that was visible then is
 * sealed; null before the first pass). Reads only rows since the last pass. A row of a late committer waits since that pass.
 */
export const sealLag: RawBuilder<{ waiting: number; seconds: number; sealed_until: Date | null }> = sql`(
  with fresh as materialized (
    select n.tenant_id, n.at, n.id
    from app.audit_sealer s, lateral app.new_audit_rows(s.seen, null, s.resume_at, s.resume_id, ${sql.lit(mostCounted + 1)}) n),
  sealed as materialized (
    select k.tenant_id, k.at, k.audit_id
    from fresh n join app.audit_seals k on k.tenant_id = n.tenant_id and k.at = n.at and k.audit_id = n.id)
  select count(r.id)::int as waiting,
    coalesce(greatest(extract(epoch from now() - greatest(min(r.at), case when s.seen_at <= now() then s.seen_at end)), 0), 0)::float8 as seconds,
    case when s.seen_at is not null then least(s.seen_at, now()) end as sealed_until
  from app.audit_sealer s
  left join (
    select n.id, n.at from fresh n
    where not exists (select from sealed k where k.tenant_id = n.tenant_id and k.at = n.at and k.audit_id = n.id)) r on true
  group by s.single, s.seen_at)`;
