import { build, sql } from "./build.ts";
import { protectionChecks } from "./protection-checks.ts";
import type { Scope } from "./scope.ts";

/**
 * What makes this database unsafe to serve from, a sentence each with its way out; none when all is well.
 * `scope` is an operator scope. A new check is one row in protection-checks.ts.
 */
export function checkProtection(scope: Scope): Promise<string[]> {
  return scope.transaction(async (transaction) => {
    // Tables are then named with their schema, whatever the session's path.
    await transaction.run(sql`set local search_path = pg_catalog`.compile(build));
    const problems: string[] = [];
    for (const check of protectionChecks) {
      const rows = await transaction.run(sql<{ problem: string }>`${sql.raw(check)}`.compile(build));
      problems.push(...rows.map((row) => row.problem));
    }
    return problems;
  });
}
