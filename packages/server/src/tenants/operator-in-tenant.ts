import type { RouteShape } from "@tenantctl/contract";
import { type Scope, type Transaction, writeAsLifecycle } from "@tenantctl/database";
import type { Call } from "../call.ts";
import { operatorEntry } from "../call-scope.ts";

/** The operator role inside one tenant's context: checks the credentials again, then that nobody holds the tenant. */
export const operatorInTenant = (call: Call<RouteShape>, tenantId: string): Scope =>
  call.app.db.operator([operatorEntry(call.principal, call.route.access), writeAsLifecycle()], { tenantId });

/** Runs `fn` in a transaction; for a dry run takes back what it did, so that the answer says exactly what would happen. */
export const transactionOrRehearsal = async <T>(
  scope: Scope,
  dryRun: boolean,
  fn: (transaction: Transaction) => Promise<T>,
): Promise<T> => {
  if (!dryRun) return scope.transaction(fn);
  const rehearsed: T[] = [];
  const takeBack = new Error("A dry run ends in a rollback.");
  try {
    await scope.transaction(async (transaction) => {
      rehearsed.push(await fn(transaction));
      throw takeBack;
    });
  } catch (error) {
    if (error !== takeBack) throw error;
  }
  const [value] = rehearsed;
  if (value === undefined) throw new Error("The dry run ended without an answer.");
  return value;
};
