import { type Answer, converse } from "./answers.ts";
import { opening, rollback, type Statement } from "./context.ts";
import type { Entry } from "./entries.ts";
import { exchange } from "./exchange.ts";
import type { Borrowed, Pool } from "./pools.ts";
import type { StatementNames } from "./statement-names.ts";

/** Statements for one tenant: its context and the check lead them. */
export interface TenantStatements {
  readonly tenantId: string;
  /** Undefined where the tenant's own statements need none. */
  readonly entry: Entry | undefined;
  readonly statements: readonly Statement[];
}

/** One consistent, read-only state that several tenants are read from, one after the other, each in its own context. */
export interface SharedSnapshot {
  /**
   * The answers to the statements of all of `parts`, counted through; one round trip. What failed, or was not read to its end, ends
   * the snapshot: what is asked next begins another.
   */
  ask(parts: readonly TenantStatements[]): AsyncGenerator<Answer, void, undefined>;
  /** Whether what is asked next is asked of another snapshot than what was asked last. */
  readonly over: boolean;
  /** Gives the connection back, whatever is still under way on it. */
  end(): Promise<void>;
}

const inContext = ({ tenantId, entry, statements }: TenantStatements): { sent: Statement[]; asked: boolean[] } => {
  // Without the begin.
  const lead = opening("", tenantId, entry).slice(1);
  return { sent: [...lead, ...statements], asked: [...lead.map(() => false), ...statements.map(() => true)] };
};

/** `begin` are the statements that every snapshot begins with. */
export function openSharedSnapshot(pool: Pool, names: StatementNames, begin: readonly Statement[]): SharedSnapshot {
  let borrowed: Borrowed | undefined;
  let over = true;
  let asking: AsyncGenerator<Answer, void, undefined> | undefined;

  const connection = async (): Promise<Borrowed> => {
    if (borrowed?.client.lost !== undefined || borrowed?.client.stale) {
      borrowed.release();
      borrowed = undefined;
    }
    borrowed ??= await pool.borrow();
    return borrowed;
  };

  async function* ask(parts: readonly TenantStatements[]): AsyncGenerator<Answer, void, undefined> {
    const { client } = await connection();
    const idle = client.getTransactionStatus() === "I";
    const lead = over || idle ? [...(idle ? [] : [rollback]), ...begin] : [];
    const each = parts.map(inContext);
    const asked = [...lead.map(() => false), ...each.flatMap((part) => part.asked)];
    over = true; // until all of it was answered
    yield* converse(client, names, [...lead, ...each.flatMap((part) => part.sent)], asked);
    over = false;
  }

  return {
    ask(parts) {
      asking = ask(parts);
      return asking;
    },
    get over() {
      return over;
    },
    async end() {
      // What is still being answered gives up the connection.
      await asking?.return();
      if (borrowed === undefined) return;
      const { client, release } = borrowed;
      borrowed = undefined;
      over = true;
      if (client.lost === undefined && client.getTransactionStatus() !== "I")
        await exchange(client, names, [rollback]).catch(() => undefined);
      release();
    },
  };
}
