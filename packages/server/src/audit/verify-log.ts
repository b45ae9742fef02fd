import { build, type Snapshot, sql } from "@tenantctl/database";
import type { AuditKeys } from "./audit-keys.ts";
import { type Head, type Register, registerProof } from "./chain.ts";
import { sealLag } from "./seal-lag.ts";
import { headColumns, registerColumns, sealColumns } from "./seal-state.ts";
import { contentColumns } from "./sealed-row.ts";
import { type ChainCheck, type CheckedSeal, checkChain, type Problem, problemOf } from "./verify-chain.ts";

export interface Scope {
  /** Only this tenant's chain; the system tenant's id for the system's own. */
  readonly tenantId: string | undefined;
  /** ISO 8601: only what was sealed from then on. */
  readonly since: string | undefined;
}

/** What was looked at. */
export interface Seen {
  chains: number;
  rows: number;
  detailsErased: number;
  waiting: number;
  sealedUntil: string | null;
  firstSealedAt: string | null;
  droppedBefore: string | null;
}

export interface Progress {
  readonly type: "progress";
  readonly chains: number;
  readonly rows: number;
}

const chainsAtOnce = 1000;
const progressEvery = 20_000;
/** Rows are sealed within ten seconds; a minute later something holds the sealer up. */
const longestWaitSeconds = 60;
const firstId = "00000000-0000-0000-0000-000000000000";
const lastId = "ffffffff-ffff-ffff-ffff-ffffffffffff";
/** Problems named one by one where whole chains are gone, or rows have no seal. */
const mostNamed = 100;

interface SealerState extends Register {
  readonly sealed_until: string | null;
  readonly waiting: number;
  readonly seconds: number;
}

const iso = (name: string) => sql`to_char(${sql.raw(name)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const stateQuery =
  sql<SealerState>`select ${registerColumns}, ${iso("lag.sealed_until")} as sealed_until, lag.waiting, lag.seconds
  from app.audit_register g left join ${sealLag} lag on true`.compile(build);

const inTenant = (column: string, { tenantId }: Scope) =>
  tenantId === undefined ? sql`true` : sql`${sql.ref(column)} = ${tenantId}::uuid`;

const headsAfter = (scope: Scope, after: string) =>
  sql<Head>`select ${headColumns} from app.audit_chains c where c.tenant_id > ${after}::uuid and ${inTenant("c.tenant_id", scope)}
    order by c.tenant_id limit ${chainsAtOnce}`.compile(build);

/** The seals of all tenants behind `after` up to `last`, each with its row. */
const sealsBetween = (scope: Scope, after: string, last: string) =>
  sql<CheckedSeal>`select ${sealColumns}, ${contentColumns("l")}, l.id is not null as present,
      case when d.audit_id is not null then sha256(convert_to(coalesce(d.before::text, '') || chr(10) || coalesce(d.after::text, ''), 'UTF8'))
        is not distinct from l.details_digest end as details_match,
      ${
        scope.since === undefined
          ? sql`null`
          : sql`(select encode(p.hash, 'hex') from app.audit_seals p where p.tenant_id = s.tenant_id and p.sequence = s.sequence - 1)`
      } as previous
    from app.audit_seals s
    left join app.audit_log l on l.tenant_id = s.tenant_id and l.at = s.at and l.id = s.audit_id
    left join app.audit_details d on d.tenant_id = s.tenant_id and d.audit_id = s.audit_id
    where s.tenant_id > ${after}::uuid and s.tenant_id <= ${last}::uuid and ${inTenant("s.tenant_id", scope)}
      ${scope.since === undefined ? sql`` : sql`and s.sealed_at >= ${scope.since}::timestamptz`}
    order by s.tenant_id, s.sequence`.compile(build);

/** The first row of each tenant that the sealer has seen and that has no seal. */
const unsealedRows = (scope: Scope) =>
  sql<{
    tenant_id: string;
    id: string;
    at: string;
  }>`select distinct on (l.tenant_id) l.tenant_id, l.id, ${iso("l.at")} as at
    from app.audit_log l cross join app.audit_sealer z
    where z.seen is not null and (l.written_by is null or pg_visible_in_snapshot(l.written_by, z.seen)) and ${inTenant("l.tenant_id", scope)}
      and not exists (select from app.audit_seals s where s.tenant_id = l.tenant_id and s.at = l.at and s.audit_id = l.id)
    order by l.tenant_id, l.at, l.id`.compile(build);

const tenantsWithoutChain = sql<{ id: string; created_at: string }>`select t.id, ${iso("t.created_at")} as created_at
  from app.tenants t cross join app.audit_sealer z
  where t.created_at < z.seen_at and not exists (select from app.audit_chains c where c.tenant_id = t.id)
  order by t.id limit ${mostNamed}`.compile(build);

/** Whole chains that are gone show only in what the register counts. */
async function* checkRegister(snapshot: Snapshot, keys: AuditKeys, state: Register): AsyncGenerator<Problem> {
  const [counted] = await snapshot.run(
    sql<{
      chains: number;
      rows: number;
    }>`select count(*) as chains, coalesce(sum(sequence), 0)::int8 as rows from app.audit_chains`.compile(build),
  );
  const proof = registerProof(keys, state);
  if (proof === "unknown") {
    yield problemOf(
      null,
      "key_unknown",
      `the register was written with the key ${state.key_id}, which is not here: give it as an old one in TENANTCTL_AUDIT_KEY`,
    );
    return;
  }
  if (proof === "altered")
    yield problemOf(null, "register_altered", "the register of chains is not as the sealer left it");
  if (counted === undefined || (counted.chains === state.chains && counted.rows === state.rows)) return;
  const gone = await snapshot.run(tenantsWithoutChain);
  for (const { id, created_at } of gone) {
    yield problemOf(id, "chain_missing", `the whole chain is gone; the tenant has been there since ${created_at}`, {
      sequence: 1,
    });
  }
  if (gone.length === 0 && proof === "ours") {
    yield problemOf(
      null,
      "register_altered",
      `there are ${counted.chains} chains of ${counted.rows} rows; ${state.chains} of ${state.rows} were sealed`,
    );
  }
}

/** Checks the chains of one snapshot, and adds to `seen` what it looked at. Holds a thousand heads and a batch of rows at a time. */
export async function* verifyLog(
  snapshot: Snapshot,
  keys: AuditKeys,
  scope: Scope,
  seen: Seen,
): AsyncGenerator<Problem | Progress> {
  const [state] = await snapshot.run(stateQuery);
  if (state === undefined) {
    yield problemOf(null, "register_altered", "the register of chains is gone");
    return;
  }
  seen.waiting = state.waiting;
  seen.sealedUntil = state.sealed_until;
  const droppedBefore = registerProof(keys, state) === "ours" ? state.dropped_before : null;
  seen.droppedBefore = droppedBefore;
  if (scope.tenantId === undefined) yield* checkRegister(snapshot, keys, state);

  const begun = scope.since !== undefined;
  const checkOf = (tenantId: string, head: Head | undefined) =>
    checkChain(tenantId, head, { keys, droppedBefore, begun });
  const ended = function* (check: ChainCheck): Generator<Problem> {
    seen.chains += 1;
    const problem = check.end();
    if (problem !== undefined) yield problem;
  };
  let reported = 0;
  for (let after = firstId; after !== lastId; ) {
    const heads = await snapshot.run(headsAfter(scope, after));
    const last = heads.length < chainsAtOnce ? lastId : (heads.at(-1)?.tenant_id ?? lastId);
    const open = new Map(heads.map((head) => [head.tenant_id, head]));
    let current: { tenantId: string; check: ChainCheck } | undefined;
    for await (const seals of snapshot.stream(sealsBetween(scope, after, last))) {
      for (const seal of seals) {
        if (current?.tenantId !== seal.tenant_id) {
          if (current !== undefined) yield* ended(current.check);
          current = { tenantId: seal.tenant_id, check: checkOf(seal.tenant_id, open.get(seal.tenant_id)) };
          open.delete(seal.tenant_id);
        }
        current.check.add(seal);
        seen.rows += 1;
        if (seal.details_digest !== null && seal.details_match === null) seen.detailsErased += 1;
        if (seen.firstSealedAt === null || seal.sealed_at < seen.firstSealedAt) seen.firstSealedAt = seal.sealed_at;
      }
      if (seen.rows - reported >= progressEvery) {
        reported = seen.rows;
        yield { type: "progress", chains: seen.chains, rows: seen.rows };
      }
    }
    if (current !== undefined) yield* ended(current.check);
    // Their seals are all gone, or dropped.
    for (const head of open.values()) yield* ended(checkOf(head.tenant_id, head));
    after = last;
  }

  for await (const rows of snapshot.stream(unsealedRows(scope))) {
    for (const { tenant_id, id, at } of rows) {
      yield problemOf(tenant_id, "row_unsealed", "a row without a seal, where all rows have been sealed", {
        auditId: id,
        at,
      });
    }
  }
  if (state.seconds > longestWaitSeconds) {
    yield problemOf(
      null,
      "sealing_behind",
      `${state.waiting} rows are not sealed, the oldest for ${Math.round(state.seconds)} s: does a server run?`,
    );
  }
}
