import {
  checkProtection,
  type Database,
  DatabaseRefusal,
  migrate,
  openDatabase,
  pendingMigrations,
} from "@tenantctl/database";
import type { Settings } from "./settings.ts";

/** Codes with which opening fails because there is no schema yet, or not the whole of it. */
const refuseToServe = async (db: Database): Promise<void> => {
  const scope = db.operator(undefined, { readOnly: true });
  const pending = await pendingMigrations(scope);
  if (pending.length > 0) {
    throw new DatabaseRefusal(
      "migrations_pending",
      `The database lacks ${pending.length === 1 ? "a migration" : `${pending.length} migrations`} of this version: ${pending.join(", ")}.`,
      "Run `tenantctl migrate` (or `tenantctl serve --migrate`) with DATABASE_URL set.",
    );
  }
  const problems = await checkProtection(scope);
  if (problems.length > 0) {
    throw new DatabaseRefusal(
      "unprotected",
      `Serving from this database would not be safe:\n  ${problems.join("\n  ")}`,
      "Mend what is named, then start again; nothing was served.",
    );
  }
};

/** A request that has waited so long for a connection is answered 503. */
const connectMs = 5000;

/**
 * Opens the database that the server serves from. Throws DatabaseRefusal when a migration is pending (unless `migrate`),
 * a tenant table lacks its protection or a role is stronger than it may be; DatabaseUnavailable when it can't be reached.
 */
export const openServerDatabase = async (
  settings: Settings,
  options: { migrate: boolean; log?: (line: string) => void },
): Promise<Database> => {
  const roleUrls = {
    tenant: settings.tenantDatabaseUrl,
    operator: settings.operatorDatabaseUrl,
    jobs: settings.jobsDatabaseUrl,
  };
  if (options.migrate && settings.databaseUrl !== undefined) {
    const applied = await migrate(settings.databaseUrl, { prefix: settings.rolePrefix, roleUrls });
    if (applied.length > 0) options.log?.(`applied ${applied.length} migrations, up to ${applied.at(-1)}`);
  }
  const db = await openDatabase({
    url: settings.databaseUrl,
    roleUrls,
    prefix: settings.rolePrefix,
    poolSizes: { tenant: settings.poolSize, operator: Math.max(2, Math.ceil(settings.poolSize / 2)) },
    preparedStatements: settings.preparedStatements,
    connectTimeout: connectMs,
  });
  try {
    await refuseToServe(db);
    return db;
  } catch (error) {
    await db.close();
    throw error;
  }
};
