import { createHash } from "node:crypto";
import { ContractError } from "@tenantctl/contract";
import { build, type Database, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import { networkOf } from "./network.ts";

/**
 * Failed logins, counted in the database so that a restart forgives nobody. An attempt is counted before its password is
 * looked at, and taken back when it was right: a hundred guesses at once get no further than a hundred in a row.
 * Attempts while a block stands are refused and not counted, so they don't prolong it.
 */
interface Rule {
  /** Attempts in an hour before the first block. */
  readonly free: number;
  /** Length of the first block; each later one is twice as long, up to 15 minutes. */
  readonly firstBlockSeconds: number;
}

const rules = {
  /** One account from one network. */
  pair: { free: 5, firstBlockSeconds: 30 },
  /** One account from anywhere; networks it logged in from before are exempt, so nobody can lock its owner out. */
  account: { free: 20, firstBlockSeconds: 60 },
  /** One network, whatever the account; likewise. */
  address: { free: 100, firstBlockSeconds: 60 },
} as const satisfies Record<string, Rule>;
type RuleName = keyof typeof rules;

const windowSeconds = 3600;
const longestBlockSeconds = 900;

/** Which rules an attempt counts for, by key. */
export interface Attempt {
  readonly keys: { readonly pair: string; readonly account?: string; readonly address?: string };
}

/** E-mails and addresses are in the keys as hashes only. */
const hashOf = (...parts: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url");

const accountKey = (account: string): string => `account:${account}`;
/** An account's pairs begin alike, so that all of them can be found. */
const pairStart = (account: string): string => `pair:${account}:`;

/** The attempt on an account (a tenant or "" for operators, and the e-mail as stored) from an address. */
export const attemptOn = (tenant: string, email: string, address: string, knownAddress: boolean): Attempt => {
  const account = hashOf(tenant, email);
  const network = hashOf(networkOf(address));
  const pair = pairStart(account) + network;
  return {
    keys: knownAddress ? { pair } : { pair, account: accountKey(account), address: `address:${network}` },
  };
};

const rows = (keys: Readonly<Partial<Record<RuleName, string>>>) =>
  Object.entries(keys)
    .map(([name, key]) => ({ key, ...rules[name as RuleName] }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));

/** Everybody locks rows in the order of their keys, so that nobody waits in a circle. */
const lockedWhere = (condition: RawBuilder<unknown>) =>
  sql`select key from app.login_throttles where ${condition} order by key collate "C" for update`;
const locked = (keys: readonly string[]) => lockedWhere(sql`key = any(${keys}::text[])`);
const deleteLocked = (rows: RawBuilder<unknown>) =>
  sql`with locked as materialized (${rows}) delete from app.login_throttles where key in (select key from locked)`.compile(
    build,
  );

const scopeOf = (db: Database) => db.operator(undefined, { tenantId: SYSTEM_TENANT_ID });

/** Counts an attempt, or throws login_throttled with the seconds to wait. */
export const claimAttempt = async (db: Database, attempt: Attempt): Promise<void> => {
  const limits = rows(attempt.keys);
  const keys = limits.map(({ key }) => key);
  const isOver = sql`t.window_started_at < now() - make_interval(secs => ${windowSeconds}::int)`;
  await scopeOf(db).transaction(async (tx) => {
    const [counted, blocked] = await Promise.all([
      tx.run(
        sql<{ key: string }>`insert into app.login_throttles as t (key, failures, window_started_at)
          select k, 1, now() from unnest(${keys}::text[]) with ordinality u (k, place) order by place
          on conflict (key) do update set
            failures = case when ${isOver} then 1 else t.failures + 1 end,
            window_started_at = case when ${isOver} then now() else t.window_started_at end,
            blocked_until = null
          where t.blocked_until is null or t.blocked_until <= now()
          returning t.key`.compile(build),
      ),
      tx.run(
        sql<{ seconds: number }>`select ceil(extract(epoch from max(blocked_until) - now()))::int as seconds
          from app.login_throttles where key = any(${keys}) and blocked_until > now() having count(*) > 0`.compile(
          build,
        ),
      ),
      // The attempt that uses up what is free sets the block for those that come behind it.
      tx.run(
        sql`update app.login_throttles t
          set blocked_until = now() + make_interval(secs => least(${longestBlockSeconds}::int, l.first * 2 ^ least(t.failures - l.free, 10)))
          from unnest(${keys}::text[], ${limits.map(({ free }) => free)}::int[], ${limits.map((l) => l.firstBlockSeconds)}::int[])
            as l (key, free, first)
          where t.key = l.key and t.failures >= l.free and t.blocked_until is null`.compile(build),
      ),
    ]);
    if (counted.length === keys.length) return;
    // Throwing takes back what was counted beside the blocked key.
    throw new ContractError(
      "login_throttled",
      "Too many logins with this account or from this address have failed.",
      "Wait as long as Retry-After says; from an address that this account has used before it still works.",
      { retryAfter: Math.max(1, blocked[0]?.seconds ?? 1) },
    );
  });
};

const takeBack = async (db: Database, attemptKeys: Parameters<typeof rows>[0]): Promise<void> => {
  const limits = rows(attemptKeys);
  await scopeOf(db).run(
    sql`with locked as materialized (${locked(limits.map(({ key }) => key))})
      update app.login_throttles t set failures = greatest(t.failures - 1, 0),
        blocked_until = case when t.failures - 1 < l.free then null else t.blocked_until end
      from unnest(${limits.map(({ key }) => key)}::text[], ${limits.map(({ free }) => free)}::int[]) as l (key, free)
      where t.key = l.key and t.key in (select key from locked)`.compile(build),
  );
};

/** Takes an attempt back that never came to compare a password. */
export const releaseAttempt = (db: Database, { keys }: Attempt): Promise<void> => takeBack(db, keys);

/** The password was right: forgets what failed for the account, and takes the attempt back from the address. */
export const forgiveAttempt = async (db: Database, attempt: Attempt): Promise<void> => {
  const { address, ...own } = attempt.keys;
  await Promise.all([
    scopeOf(db).run(deleteLocked(locked(Object.values(own)))),
    address === undefined ? undefined : takeBack(db, { address }),
  ]);
};

/**
 * The account has a new password from whoever may set it: the guesses at the old one stand in its way no longer, from any
 * network. What counts for a network as a whole stays. `tenantId` null: an operator.
 */
export const forgiveAccount = async (db: Database, tenantId: string | null, email: string): Promise<void> => {
  const account = hashOf(tenantId ?? "", email);
  const own = sql`key = ${accountKey(account)} or starts_with(key, ${pairStart(account)})`;
  await scopeOf(db).run(deleteLocked(lockedWhere(own)));
};
