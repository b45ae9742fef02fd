import { build, type Database, sql, type Transaction } from "@tenantctl/database";
import type { AuditKeys } from "./audit-keys.ts";
import {
  genesis,
  type Head,
  headMac,
  headProof,
  type Register,
  registerMac,
  registerProof,
  type Seal,
  sealHash,
} from "./chain.ts";
import { headColumns, registerColumns } from "./seal-state.ts";
import { rowDigest, type SealedRow, sealedColumns } from "./sealed-row.ts";

/** Hashing is done between requests: few enough that none of them waits long for it. */
const rowsAtOnce = 2000;

/** A log in which nothing happens is looked at without writing; but once a minute the look itself is written down. */
const restMs = 60_000;

interface State extends Register {
  readonly seen: string | null;
  readonly seen_at: string | null;
  readonly target: string | null;
  readonly resume_at: string | null;
  readonly resume_id: string | null;
  readonly skipped: boolean;
  readonly shown: string;
  readonly now: string;
}

interface NewRow extends SealedRow {
  readonly sealed: boolean;
}

export interface SealedBatch {
  readonly rows: number;
  /** Whether more waits already. */
  readonly more: boolean;
  /** Tenants whose chain was found altered by this batch, for the log. */
  readonly altered: readonly string[];
  /** Keys that are needed to go on with some chains, and are not here. */
  readonly missingKeys: readonly string[];
}

const nothing: SealedBatch = { rows: 0, more: false, altered: [], missingKeys: [] };

const iso = (name: string) => sql`to_char(${sql.raw(name)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const readState = (transaction: Transaction): Promise<State[]> =>
  transaction.run(
    sql<State>`select ${registerColumns}, s.seen::text as seen, ${iso("case when s.seen_at is not null then least(s.seen_at, now()) end")} as seen_at, s.target::text as target,
      s.resume_at::text as resume_at, s.resume_id, s.skipped, pg_current_snapshot()::text as shown, ${iso("now()")} as now
      from app.audit_sealer s cross join app.audit_register g`.compile(build),
  );

const readRows = (transaction: Transaction, { seen, resume_at, resume_id }: State, target: string): Promise<NewRow[]> =>
  transaction.run(
    // Each table asked by itself: Citus joins what a function gives with a table's rows, but looks nothing up for it.
    sql<NewRow>`with n as materialized (
        select * from app.new_audit_rows(${seen}::text::pg_snapshot, ${target}::text::pg_snapshot, ${resume_at}::timestamptz, ${resume_id}::uuid, ${rowsAtOnce})),
      sealed as materialized (
        select k.tenant_id, k.at, k.audit_id
        from n join app.audit_seals k on k.tenant_id = n.tenant_id and k.at = n.at and k.audit_id = n.id)
      select ${sealedColumns("n")}, exists (
        select from sealed k where k.tenant_id = n.tenant_id and k.at = n.at and k.audit_id = n.id) as sealed
      from n order by n.at, n.id`.compile(build),
  );

const readHeads = (transaction: Transaction, tenants: readonly string[]): Promise<Head[]> =>
  tenants.length === 0
    ? Promise.resolve([])
    : transaction.run(
        sql<Head>`select ${headColumns} from app.audit_chains c where c.tenant_id = any (${[...tenants]}::uuid[])`.compile(
          build,
        ),
      );

const keyMissing = (id: string | null): Error =>
  new Error(
    `The audit log was sealed with the key ${id}, which is not here: give it as an old one in TENANTCTL_AUDIT_KEY.`,
  );

/** Behind `last` where there is more; else this pass is over, and what it skipped is looked for again. */
const nextPosition = ({ seen, seen_at, now }: State, target: string, last: SealedRow | undefined, skipped: boolean) => {
  if (last !== undefined) return { seen, seen_at, target, resume_at: last.at, resume_id: last.id, skipped };
  const begin = { target: null, resume_at: null, resume_id: null, skipped: false };
  return skipped ? { seen, seen_at, ...begin } : { seen: target, seen_at: now, ...begin };
};

type NewHead = Head & { readonly previous: number | null };

/** The seals of these rows, in their order, and where each chain ends then. */
const chainOn = (
  { current }: AuditKeys,
  rows: readonly SealedRow[],
  heads: ReadonlyMap<string, Head>,
  { batch, seen_at, now }: State,
): { seals: Seal[]; ends: Map<string, { sequence: number; hash: string }> } => {
  const ends = new Map<string, { sequence: number; hash: string }>();
  const seals = rows.map((row): Seal => {
    const end = ends.get(row.tenant_id) ?? heads.get(row.tenant_id) ?? { sequence: 0, hash: genesis };
    const seal = {
      tenant_id: row.tenant_id,
      sequence: end.sequence + 1,
      audit_id: row.id,
      at: row.at,
      row_digest: rowDigest(row),
      batch: batch + 1,
      not_before: seen_at,
      sealed_at: now,
    };
    const hash = sealHash(current, end.hash, seal);
    ends.set(row.tenant_id, { sequence: seal.sequence, hash });
    return { ...seal, hash, key_id: current.id };
  });
  return { seals, ends };
};

/**
 * Seals what was committed since the last batch, at most 2,000 rows: one transaction, so a process that ends in it leaves
 * nothing. Does nothing while another process is at it. A chain whose head is not as it was left is gone on with, but never
 * proven again from there on: sealing over it would make what was altered look right. One that ends with a key that is not here
 * waits for it. Throws an Error where the register does.
 */
export const sealBatch = (db: Database, keys: AuditKeys): Promise<SealedBatch> =>
  db.operator().transaction(async (transaction) => {
    const [lock] = await transaction.run(
      sql<{ mine: boolean }>`select pg_try_advisory_xact_lock(7164) as mine`.compile(build),
    );
    if (lock?.mine !== true) return nothing;
    // A statement of its own: in the lock's, it would be the state from before the lock.
    const [state] = await readState(transaction);
    if (state === undefined) throw new Error("The audit log's sealer has no row: somebody removed it.");
    const registered = registerProof(keys, state);
    if (registered === "unknown") throw keyMissing(state.key_id);
    const target = state.target ?? state.shown;
    const read = await readRows(transaction, state, target);
    const unsealed = read.filter(({ sealed }) => !sealed);
    const before = await readHeads(transaction, [...new Set(unsealed.map(({ tenant_id }) => tenant_id))]);
    const heads = new Map(before.map((head) => [head.tenant_id, head]));
    const proofs = new Map(before.map((head) => [head.tenant_id, headProof(keys, head)]));
    const rows = unsealed.filter(({ tenant_id }) => proofs.get(tenant_id) !== "unknown");
    const missingKeys = before
      .filter(({ tenant_id }) => proofs.get(tenant_id) === "unknown")
      .map(({ key_id }) => key_id);
    const last = read.length === rowsAtOnce ? read.at(-1) : undefined;
    // A pass of several batches ends with what was there when it began.
    const more = last !== undefined || state.target !== null;
    const reached = nextPosition(state, target, last, state.skipped || missingKeys.length > 0);
    if (rows.length === 0) {
      const rested = state.seen_at === null || Math.abs(Date.parse(state.now) - Date.parse(state.seen_at)) > restMs;
      if (read.length > 0 || rested || state.target !== null)
        await transaction.run(sql`select app.move_audit_sealer(${JSON.stringify(reached)}::json)`.compile(build));
      return { ...nothing, more, missingKeys };
    }
    const { seals, ends } = chainOn(keys, rows, heads, state);
    const key = keys.current;
    const altered: string[] = [];
    const moved = [...ends].map(([tenant_id, end]): NewHead => {
      const head = heads.get(tenant_id);
      const next = {
        tenant_id,
        ...end,
        base_sequence: head?.base_sequence ?? 0,
        base_hash: head?.base_hash ?? genesis,
        batch: state.batch + 1,
      };
      const lost = head !== undefined && proofs.get(tenant_id) !== "ours";
      if (lost && head.suspect === null) altered.push(tenant_id);
      return {
        ...next,
        previous: head?.sequence ?? null,
        key_id: key.id,
        mac: lost ? null : headMac(key, next),
        suspect: lost ? (head.suspect ?? head.sequence) : null,
      };
    });
    const register = {
      chains: state.chains + moved.filter(({ previous }) => previous === null).length,
      rows: state.rows + rows.length,
      batch: state.batch + 1,
      dropped_before: state.dropped_before,
    };
    const parts = [
      seals,
      moved,
      { ...register, key_id: key.id, mac: registered === "ours" ? registerMac(key, register) : null },
      reached,
    ].map((part) => sql`${JSON.stringify(part)}::json`);
    await transaction.run(sql`select app.append_audit_seals(${sql.join(parts)})`.compile(build));
    return { rows: rows.length, more, altered, missingKeys };
  });
