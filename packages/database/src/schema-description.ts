import { build, sql } from "./build.ts";
import { schemaQueries } from "./schema-queries.ts";
import type { Scope } from "./scope.ts";

/**
 * The schema as text: tables, columns, constraints, indexes, policies, functions, grants, in a fixed order and without role prefix,
 * so that two databases made by the same migrations read the same on every version of PostgreSQL. `scope` is an operator scope.
 */
export async function describeSchema(scope: Scope): Promise<string> {
  const sections: string[] = [];
  for (const [title, query] of Object.entries(schemaQueries)) {
    const rows = await scope.run(sql<{ line: string }>`${sql.raw(query)}`.compile(build));
    sections.push([`-- ${title}`, ...rows.map((row) => row.line)].join("\n"));
  }
  return `${sections.join("\n\n")}\n`;
}
