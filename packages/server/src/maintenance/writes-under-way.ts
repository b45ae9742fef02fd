import { setTimeout as pause } from "node:timers/promises";
import { build, type Scope, sql } from "@tenantctl/database";
import type { Place } from "./place.ts";

const waitAtMostMs = 10_000;
const longestPauseMs = 250;

interface Writer {
  readonly transaction: string;
}

/**
 * Transactions that hold the shared lock which every write inside a tenant takes before it looks whether it may
 * (app.enter_write). Who takes it later sees the maintenance.
 */
const writers = ({ tenantId }: Place) =>
  sql<Writer>`select distinct l.virtualtransaction as transaction from pg_locks l
    where l.locktype = 'advisory' and l.mode = 'ShareLock' and l.objsubid = 1 and l.granted
      and l.database = (select oid from pg_database where datname = current_database())
      ${
        tenantId === null
          ? sql``
          : sql`and ((l.classid::bigint << 32) | l.objid::bigint) = tenancy.lock_key(${tenantId}::uuid)`
      }`.compile(build);

/** Waits until the changes that had begun are over, at most 10 seconds; gives how many are not. */
export const writesUnderWay = async (scope: Scope, place: Place): Promise<number> => {
  const begun = new Set((await scope.run(writers(place))).map(({ transaction }) => transaction));
  const deadline = performance.now() + waitAtMostMs;
  for (let ms = 10; begun.size > 0 && performance.now() < deadline; ms = Math.min(2 * ms, longestPauseMs)) {
    await pause(ms);
    const now = new Set((await scope.run(writers(place))).map(({ transaction }) => transaction));
    for (const transaction of begun) if (!now.has(transaction)) begun.delete(transaction);
  }
  return begun.size;
};
