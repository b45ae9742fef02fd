import { createHash } from "node:crypto";
import type { CompiledQuery } from "kysely";
import type { Client } from "./client.ts";
import { commit, rollback, type Statement } from "./context.ts";
import { abandonCopy, type CopyOut, copyOut } from "./copy-stream.ts";
import { TransactionRolledBack } from "./database-error.ts";
import { asUnavailable, exchange } from "./exchange.ts";
import type { Pool } from "./pools.ts";
import type { StatementNames } from "./statement-names.ts";
import { pinTextForms } from "./text-forms.ts";

/** One transaction that writes whole tables and reads back what it wrote, on a connection of its own. */
export interface Rewrite {
  run<R>(query: CompiledQuery<R>): Promise<R[]>;
  /** Writes rows whose values are PostgreSQL's own text; `repeats` where the same text is to come many times. */
  write(text: string, values: readonly (string | null)[], repeats: boolean): Promise<void>;
  /** One `COPY … TO STDOUT`; read it to its end before anything else is run. */
  copyTo(text: string): CopyOut;
}

const settingsWith = (
  plans: string,
) => `set local statement_timeout = 0; set local idle_in_transaction_session_timeout = '10min';
    set local plan_cache_mode = ${plans}; ${pinTextForms}; set constraints all deferred`;

/** As long as it takes; keys are checked once all rows are there, and a statement is planned once for all its rows. */
const settings: Statement = {
  sql: settingsWith("force_generic_plan"),
  // It finds a statement's shard by the values, and touches tables of all nodes only after one that went shard by shard.
  onCitus: `${settingsWith("force_custom_plan")}; set local citus.multi_shard_modify_mode = sequential`,
  parameters: [],
  plain: true,
};

/** Runs `fn` in a transaction opened by `opening`: committed when it resolves, rolled back when it rejects. */
export async function withRewrite<T>(
  pool: Pool,
  names: StatementNames,
  opening: readonly Statement[],
  fn: (rewrite: Rewrite) => Promise<T>,
): Promise<T> {
  const { client, release } = await pool.borrow();
  try {
    return await rewriteOn(client, names, opening, fn);
  } finally {
    release();
  }
}

/** The same on a connection that the caller opened and ends. */
export async function rewriteOn<T>(
  client: Client,
  names: StatementNames,
  opening: readonly Statement[],
  fn: (rewrite: Rewrite) => Promise<T>,
): Promise<T> {
  const prepared = new Set<string>();
  const send = (statement: Statement) => exchange(client, names, [statement]);
  try {
    for (const statement of [...opening, settings]) await send(statement);
    const value = await fn({
      async run<R>({ sql, parameters }: CompiledQuery<R>) {
        const [result] = await send({ sql, parameters, plain: true });
        return (result?.rows ?? []) as R[];
      },
      async write(text, values, repeats) {
        const name = repeats ? `rows_${createHash("sha256").update(text).digest("base64url").slice(0, 24)}` : undefined;
        if (name !== undefined) prepared.add(name);
        const query = { text, values: [...values], ...(name === undefined ? {} : { name }) };
        await client.query(query).catch((error: unknown) => {
          throw asUnavailable(client, error);
        });
      },
      copyTo: (text) => copyOut(client, text),
    });
    const [result] = await send(commit);
    if (result?.command !== "COMMIT") throw new TransactionRolledBack();
    return value;
  } catch (error) {
    abandonCopy(client);
    if (client.lost === undefined) await send(rollback).catch(() => undefined); // closed by release if this failed
    throw error;
  } finally {
    // A connection keeps what it has prepared, and these are long.
    if (prepared.size > 0) client.retire();
  }
}
