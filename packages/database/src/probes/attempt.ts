import type { CompiledQuery } from "kysely";
import pg from "pg";
import { build, sql } from "../build.ts";
import type { Rehearsal } from "../snapshot.ts";

/** The tenant whose context a statement runs in; null: none, as a connection has it between two transactions. */
export type ProbeContext = string | null;

/** What came of a statement: its rows, or the error that PostgreSQL answered. */
export type Outcome<R> = { readonly rows: R[] } | { readonly error: pg.DatabaseError };

/** Permission denied and a row that violates a policy, alike; and what can't be written at all, by anybody. */
const refusals: readonly string[] = ["42501", "55000", "42809", "0A000"];

/** Whether PostgreSQL would not let the role do this, rather than failing at it. */
export const isRefusal = ({ code = "" }: pg.DatabaseError): boolean => refusals.includes(code);

const enter = (context: ProbeContext): CompiledQuery<unknown> =>
  sql`set local app.tenant_id = ${sql.lit(context ?? "")}`.compile(build);
const savepoint = sql`savepoint probe`.compile(build);
const takeBack = sql`rollback to savepoint probe`.compile(build);
const keepIt = sql`release savepoint probe`.compile(build);

const answered = async <R>(work: () => Promise<R[]>): Promise<Outcome<R>> => {
  try {
    return { rows: await work() };
  } catch (error) {
    if (error instanceof pg.DatabaseError) return { error };
    throw error;
  }
};

/** Runs `work` in a context and takes back all it did. Its errors are answers; a lost connection is thrown. */
export async function attempt<R>(
  rehearsal: Rehearsal,
  context: ProbeContext,
  work: () => Promise<R[]>,
): Promise<Outcome<R>> {
  await rehearsal.run(savepoint);
  await rehearsal.run(enter(context));
  const outcome = await answered(work);
  await rehearsal.run(takeBack);
  return outcome;
}

/** Likewise, but what worked stays until the rehearsal ends. */
export async function perform(
  rehearsal: Rehearsal,
  context: ProbeContext,
  query: CompiledQuery<unknown>,
): Promise<Outcome<unknown>> {
  await rehearsal.run(savepoint);
  await rehearsal.run(enter(context));
  const outcome = await answered(() => rehearsal.run(query));
  await rehearsal.run("error" in outcome ? takeBack : keepIt);
  return outcome;
}

/** The rows of one table that carry `tenantId`, as its own context shows them: how many, and a digest of all that they hold. */
export const ownRows = (
  relation: string,
  tenantColumn: string,
  tenantId: string,
): CompiledQuery<{ rows: number; digest: string }> =>
  sql<{ rows: number; digest: string }>`select count(*)::int as rows,
      md5(coalesce(string_agg(r::text, ' ' order by r::text), '')) as digest
    from ${sql.raw(relation)} r where ${sql.ref(`r.${tenantColumn}`)} = ${tenantId}::uuid`.compile(build);

/** Enters a context for what follows in the same attempt. */
export const enterContext = (rehearsal: Rehearsal, context: ProbeContext): Promise<unknown> =>
  rehearsal.run(enter(context));
