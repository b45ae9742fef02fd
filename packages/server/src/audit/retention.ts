import { ContractError } from "@tenantctl/contract";
import { build, type Database, type Entries, SYSTEM_TENANT_ID, sql, type Transaction } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import type { App } from "../app.ts";
import type { AuditKeys } from "./audit-keys.ts";
import { type Head, headMac, headProof, type Register, registerMac, registerProof } from "./chain.ts";
import { headColumns, registerColumns } from "./seal-state.ts";

export interface RetentionPlan {
  readonly months: number | null;
  readonly before: string | null;
  readonly droppedBefore: string | null;
  readonly rows: number;
  readonly obstacles: readonly string[];
}

const chainsAtOnce = 500;

const iso = (name: string) => sql`to_char(${sql.raw(name)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const cutoff = (months: number) =>
  sql<{
    before: string;
    droppedBefore: string | null;
  }>`select ${iso("b.before")} as before, ${iso("g.dropped_before")} as "droppedBefore"
    from app.audit_register g,
      (select date_trunc('month', now() at time zone 'UTC') - make_interval(months => ${months}) as month) m,
      lateral (select m.month at time zone 'UTC' as before) b`.compile(build);

/** By themselves: Citus joins the log, which is on its nodes, to nothing that only the coordinator has. */
const rowsBefore = (before: string) =>
  sql<{ rows: number }>`select count(*) as rows from app.audit_log l where l.at < ${before}::timestamptz`.compile(
    build,
  );
const obstaclesBefore = (before: string) =>
  sql<{
    obstacles: string[];
  }>`select array(select o from app.audit_retention_obstacles(${before}::timestamptz) o) as obstacles`.compile(build);

/** What would go if `months` whole months were kept besides this one; all is kept where that is null. */
export const planRetention = async (
  { run }: { run: <R>(query: CompiledQuery<R>) => Promise<R[]> },
  months: number | null,
): Promise<RetentionPlan> => {
  if (months !== null) {
    const [cut] = await run(cutoff(months));
    if (cut !== undefined) {
      const [counted] = await run(rowsBefore(cut.before));
      const [kept] = await run(obstaclesBefore(cut.before));
      return { months, ...cut, rows: counted?.rows ?? 0, obstacles: kept?.obstacles ?? [] };
    }
  }
  const [register] = await run(
    sql<{
      droppedBefore: string | null;
    }>`select ${iso("g.dropped_before")} as "droppedBefore" from app.audit_register g`.compile(build),
  );
  return { months, before: null, droppedBefore: register?.droppedBefore ?? null, rows: 0, obstacles: [] };
};

const altered = (): ContractError =>
  new ContractError(
    "transition_forbidden",
    "The audit log's register was altered past the server: nothing is dropped.",
    "`tenantctl audit verify` says what is wrong.",
  );

/** The sealer waits for its end. A statement of its own: what is read behind it is the state since. */
const lock = (transaction: Transaction) => transaction.run(sql`select pg_advisory_xact_lock(7164)`.compile(build));

/**
 * Drops what `plan` names, with `and` in the same transaction. Throws transition_forbidden while something stands in the way,
 * edit_conflict where somebody else is at it.
 */
const dropRows = (
  db: Database,
  keys: AuditKeys,
  { before, entry, and }: { before: string; entry: Entries | undefined; and: readonly CompiledQuery<unknown>[] },
): Promise<number> =>
  db.operator(entry, { tenantId: SYSTEM_TENANT_ID }).transaction(async (transaction) => {
    await lock(transaction);
    const [register] = await transaction.run(
      sql<Register>`select ${registerColumns} from app.audit_register g`.compile(build),
    );
    if (register === undefined || registerProof(keys, register) !== "ours") throw altered();
    const next = { ...register, batch: register.batch + 1, dropped_before: before };
    const { current } = keys;
    const [gone] = await transaction.run(
      sql<{ rows: number }>`select app.drop_audit_rows(${before}::timestamptz,
        ${JSON.stringify({ batch: next.batch, key_id: current.id, mac: registerMac(current, next) })}::json) as rows`.compile(
        build,
      ),
    );
    for (const query of and) await transaction.run(query);
    return gone?.rows ?? 0;
  });

type Trimmed = Head & { readonly new_base: number; readonly new_hash: string };

const droppedBefore = sql<{
  dropped: string | null;
}>`select ${iso("g.dropped_before")} as dropped from app.audit_register g`.compile(build);

/** Chains that begin with seals of dropped rows, and where they begin without them. */
const chainsToTrim = (after: string, dropped: string) =>
  sql<Trimmed>`select ${headColumns}, n.base as new_base, encode((select k.hash from app.audit_seals k
        where k.tenant_id = c.tenant_id and k.sequence = n.base), 'hex') as new_hash
    from app.audit_chains c
    join app.audit_seals f on f.tenant_id = c.tenant_id and f.sequence = c.base_sequence + 1,
    lateral (select coalesce((select min(s.sequence) - 1 from app.audit_seals s where s.tenant_id = c.tenant_id and s.at >= ${dropped}::timestamptz),
      c.sequence) as base) n
    where c.tenant_id > ${after}::uuid and f.at < ${dropped}::timestamptz and n.base > c.base_sequence and c.mac is not null
    order by c.tenant_id limit ${chainsAtOnce}`.compile(build);

/** Lets chains begin behind what was dropped. Whatever ends it, the rest is trimmed the next time. Gives the seals that went. */
export const trimChains = async (db: Database, keys: AuditKeys): Promise<number> => {
  let seals = 0;
  let after = "00000000-0000-0000-0000-000000000000";
  for (;;) {
    const { chains, gone } = await db.operator().transaction(async (transaction) => {
      await lock(transaction);
      const [register] = await transaction.run(droppedBefore);
      const dropped = register?.dropped ?? null;
      const found = dropped === null ? [] : await transaction.run(chainsToTrim(after, dropped));
      // An altered chain stays whole: it is evidence.
      const heads = found
        .filter((head) => headProof(keys, head) === "ours")
        .map(({ new_base, new_hash, ...head }) => {
          const next = { ...head, base_sequence: new_base, base_hash: new_hash };
          return { ...next, key_id: keys.current.id, mac: headMac(keys.current, next) };
        });
      if (heads.length === 0) return { chains: found, gone: 0 };
      const [row] = await transaction.run(
        sql<{ gone: number }>`select app.trim_audit_chains(${JSON.stringify(heads)}::json) as gone`.compile(build),
      );
      return { chains: found, gone: row?.gone ?? 0 };
    });
    seals += gone;
    const last = chains.at(-1);
    if (last === undefined) return seals;
    after = last.tenant_id;
  }
};

/** Drops what is old enough, where something is and nothing stands in its way. Gives the rows that went. */
export const applyRetention = async (
  app: Pick<App, "db" | "auditKeys">,
  plan: RetentionPlan,
  { entry, and = [] }: { entry?: Entries; and?: readonly CompiledQuery<unknown>[] } = {},
): Promise<number> => {
  const { before, obstacles, rows } = plan;
  let gone = 0;
  if (before !== null && rows > 0) {
    const [obstacle] = obstacles;
    if (obstacle !== undefined) {
      throw new ContractError(
        "transition_forbidden",
        `The audit log is kept: ${obstacle}.`,
        "`tenantctl audit retention` shows all that keeps it.",
      );
    }
    gone = await dropRows(app.db, app.auditKeys, { before, entry, and });
  }
  await trimChains(app.db, app.auditKeys);
  return gone;
};
