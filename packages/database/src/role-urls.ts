import { createHmac } from "node:crypto";
import pg from "pg";
import { Client } from "./client.ts";
import { asUser, passwordOf, requirePostgresUrl } from "./connection-url.ts";
import { DatabaseRefusal, DatabaseUnavailable } from "./database-error.ts";
import { defaultRolePrefix, roleName, type ServingRole, servingRoles } from "./role-names.ts";

/** Connection URLs of the roles that log in, where the user keeps their passwords. */
export type RoleUrls = Partial<Record<ServingRole, string | undefined>>;

/** The password of a role when nobody chose one: the same in every process that can read the secret. */
export function derivePassword(secret: Buffer, prefix: string, role: ServingRole): string {
  return createHmac("sha256", secret).update(`${prefix}:${role}`).digest("hex");
}

/** The URL each role logs in with: as given, else derived from `url` and the secret. */
export function roleUrlsFrom(
  url: string,
  secret: Buffer,
  prefix: string,
  given: RoleUrls,
): Record<ServingRole, string> {
  const urlOf = (role: ServingRole) =>
    given[role] ?? asUser(url, roleName(prefix, role), derivePassword(secret, prefix, role));
  return { tenant: urlOf("tenant"), operator: urlOf("operator"), jobs: urlOf("jobs") };
}

/** The password `role` must have. */
export function rolePassword(secret: Buffer, prefix: string, role: ServingRole, given: RoleUrls): string {
  const url = given[role];
  return (url === undefined ? undefined : passwordOf(url)) ?? derivePassword(secret, prefix, role);
}

/** Reads the secret if a URL has to be derived. Throws DatabaseRefusal, DatabaseUnavailable. */
export async function resolveRoleUrls(config: {
  url?: string | undefined;
  prefix?: string | undefined;
  roleUrls?: RoleUrls | undefined;
}): Promise<Record<ServingRole, string>> {
  const { tenant, operator, jobs } = config.roleUrls ?? {};
  if (tenant !== undefined && operator !== undefined && jobs !== undefined) {
    return { tenant, operator, jobs };
  }
  if (config.url === undefined) {
    throw new DatabaseRefusal(
      "database_url_missing",
      "There is no database URL.",
      `Set DATABASE_URL, or the URLs of all of the roles ${servingRoles.join(", ")}.`,
    );
  }
  requirePostgresUrl(config.url);
  const prefix = config.prefix ?? defaultRolePrefix;
  return roleUrlsFrom(config.url, await readSecret(config.url, prefix), prefix, config.roleUrls ?? {});
}

async function readSecret(url: string, prefix: string): Promise<Buffer> {
  const client = new Client({ connectionString: url });
  try {
    await client.connect();
    await client.query(`set role ${roleName(prefix, "owner")}`);
    const { rows } = await client.query<{ value: Buffer }>("select value from tenancy.secrets where name = 'roles'");
    const [row] = rows;
    if (row === undefined) {
      throw notMigrated(undefined);
    }
    return row.value;
  } catch (error) {
    if (error instanceof DatabaseRefusal) {
      throw error;
    }
    // No such role, table or schema: nobody has migrated this database.
    throw error instanceof pg.DatabaseError && ["22023", "42704", "42P01", "3F000"].includes(error.code ?? "")
      ? notMigrated(error)
      : new DatabaseUnavailable(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function notMigrated(cause: unknown): DatabaseRefusal {
  return new DatabaseRefusal(
    "database_not_migrated",
    "This database has not been set up for tenantctl, or for another role prefix.",
    "Run: tenantctl migrate",
    { cause },
  );
}
