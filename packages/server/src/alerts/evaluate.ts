import { build, type Database, sql } from "@tenantctl/database";
import { type AlertMetrics, alertMetrics } from "./alert-metrics.ts";
import { evaluateRule } from "./evaluate-rule.ts";
import { recordFailure } from "./evaluation.ts";
import { ownMetrics } from "./own-metrics.ts";
import { resolveUnwatched } from "./resolve-unwatched.ts";
import { rebaseSilences } from "./silenced.ts";

export interface EvaluateOptions {
  /** What rules can watch: what the product knows, unless given. */
  readonly metrics?: AlertMetrics;
  /** Milliseconds that one statement of an evaluation may take; 20,000 unless given. */
  readonly statementMs?: number;
}

const reasonOf = (error: unknown, statementMs: number): string => {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "57014") return `its metric took longer than ${statementMs / 1000} s`;
  return (error instanceof Error ? error.message : String(error)).slice(0, 500);
};

/**
 * Opens, refreshes, resolves, tells and escalates, a transaction per rule: a process that ends in the middle leaves the rest to
 * the next evaluation. A rule that fails says so in its row and stops no other. Passes over what another process is at.
 */
export const evaluateAlerts = async (
  db: Database,
  { metrics = alertMetrics, statementMs = 20_000 }: EvaluateOptions = {},
): Promise<void> => {
  const scope = db.operator();
  await scope.run(rebaseSilences.compile(build));
  const rules = await scope.run(
    sql<{ name: string; metric: string }>`select name, metric from app.alert_rules where enabled order by name`.compile(
      build,
    ),
  );
  const last = ({ metric }: { metric: string }): number => Number(Object.hasOwn(ownMetrics, metric));
  for (const { name } of rules.toSorted((a, b) => last(a) - last(b))) {
    const begun = performance.now();
    try {
      await scope.transaction((transaction) => evaluateRule(transaction, name, metrics, statementMs));
    } catch (error) {
      await scope.run(recordFailure(name, performance.now() - begun, reasonOf(error, statementMs)));
    }
  }
  await scope.transaction(resolveUnwatched);
};
