import { build, sql } from "./build.ts";
import { type Lint, readLints } from "./lint-files.ts";
import type { Scope } from "./scope.ts";

export interface LintFinding {
  /** What is unsafe: a table, role, function … by its whole name. */
  object: string;
  /** What is wrong with it, without a full stop. */
  detail: string;
  /** The statement or step that mends it, for the user who owns the database. */
  fix: string;
}

export interface LintResult {
  /** The lint's name: docs/lints/<lint>.md says what it means. */
  lint: string;
  /** What it looks for. */
  title: string;
  /** None when all is well. */
  findings: LintFinding[];
}

/**
 * Looks at the roles, tables, policies, views and functions of this database for ways round the isolation of tenants.
 * Answers every lint, those that found nothing too. `scope` is an operator scope without a tenant; nothing is changed.
 */
export async function runLints(scope: Pick<Scope, "transaction">, lints?: readonly Lint[]): Promise<LintResult[]> {
  const chosen = lints ?? (await readLints());
  return scope.transaction(async (transaction) => {
    // Objects are then named with their schema, and what lies in other schemas can't pass for PostgreSQL's own.
    await transaction.run(sql`set local search_path = pg_catalog`.compile(build));
    return Promise.all(
      chosen.map(async ({ name, title, text }) => ({
        lint: name,
        title,
        findings: await transaction.run(sql<LintFinding>`${sql.raw(text)}`.compile(build)),
      })),
    );
  });
}

/** What makes this database unsafe to serve from, a sentence each with its way out; none when all is well. */
export async function checkProtection(scope: Pick<Scope, "transaction">): Promise<string[]> {
  const stopping = (await readLints()).filter((lint) => lint.stopsServe);
  const results = await runLints(scope, stopping);
  return results.flatMap(({ findings }) => findings.map(({ detail, fix }) => `${detail}. Mend it: ${fix}`));
}
