import { hasCitus } from "./citus.ts";
import { Client } from "./client.ts";
import { requirePostgresUrl } from "./connection-url.ts";
import { DatabaseUnavailable } from "./database-error.ts";
import { type Rewrite, rewriteOn } from "./rewrite.ts";
import { defaultRolePrefix, roleName } from "./role-names.ts";
import { createStatementNames } from "./statement-names.ts";

/**
 * One transaction as the owner of the tables, who may write for every tenant at once: for putting a system together anew, and
 * for nothing else. `url` is of the user who owns the database. Throws DatabaseUnavailable.
 */
export async function rebuildSystem<T>(
  { url, prefix }: { url: string; prefix?: string | undefined },
  fn: (rewrite: Rewrite) => Promise<T>,
): Promise<T> {
  requirePostgresUrl(url);
  const client = new Client({ connectionString: url, application_name: "tenantctl rebuild" });
  await client.connect().catch((error: unknown) => {
    throw new DatabaseUnavailable(error);
  });
  try {
    client.citus = await hasCitus(client);
    const role = roleName(prefix ?? defaultRolePrefix, "owner");
    const opening = ["begin", `set local role ${role}`].map((sql) => ({ sql, parameters: [], plain: true }));
    return await rewriteOn(client, createStatementNames(false), opening, fn);
  } finally {
    await client.end().catch(() => undefined);
  }
}
