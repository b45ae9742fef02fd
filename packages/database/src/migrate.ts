import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { build, sql } from "./build.ts";
import { hasCitus } from "./citus.ts";
import { Client } from "./client.ts";
import { requirePostgresUrl } from "./connection-url.ts";
import { DatabaseRefusal, DatabaseUnavailable } from "./database-error.ts";
import { layFoundation, requireOwnPrefix } from "./foundation.ts";
import { type LedgerRow, type MigrationFile, pendingFiles, readMigrationFiles } from "./migration-files.ts";
import { defaultRolePrefix, roleName } from "./role-names.ts";
import type { RoleUrls } from "./role-urls.ts";
import { ensurePasswords, ensureRoles } from "./roles.ts";
import type { Scope } from "./scope.ts";
import { splitStatements } from "./split-statements.ts";

const migrationLock = 7060;
/** Everybody who comes later waits behind a migration that waits for a lock. So it lets go, and comes again. */
const lockTimeout = "4s";
const mostAttempts = 30;
const betweenAttemptsMs = 2000;
const readLedger = "select name, origin, sha256 from tenancy.migrations order by name";

export interface MigrateOptions {
  /** Of the roles' names; "tenantctl" unless given. */
  prefix?: string | undefined;
  /** Their passwords become the roles' passwords. */
  roleUrls?: RoleUrls | undefined;
  /** Folders with an adopter's own migrations, run as the owner role after the product's. */
  extraDirectories?: readonly string[] | undefined;
}

/**
 * Sets up roles and schemas and applies what is pending; any number of processes may run it at once.
 * `url` is of a user who owns the database and may create roles, or of a superuser. Returns the names of the files applied.
 * Throws DatabaseRefusal (codes migration_failed, migration_edited, migration_unknown, role_prefix_taken, …), DatabaseUnavailable.
 */
export async function migrate(url: string, options: MigrateOptions = {}): Promise<string[]> {
  const prefix = options.prefix ?? defaultRolePrefix;
  const files = await readMigrationFiles(options.extraDirectories);
  requirePostgresUrl(url);
  const client = new Client({ connectionString: url, application_name: "tenantctl migrate" });
  await client.connect().catch((error: unknown) => {
    throw new DatabaseUnavailable(error);
  });
  try {
    await takeLock(client);
    await requireOwnPrefix(client, prefix); // before roles are made that nobody needs
    await ensureRoles(client, prefix);
    const { secret, secretIsNew } = await layFoundation(client, prefix);
    await ensurePasswords(client, { url, prefix, secret, secretIsNew, roleUrls: options.roleUrls ?? {} });
    await client.query(`set role ${roleName(prefix, "owner")}`);
    const { rows } = await client.query<LedgerRow>(readLedger);
    const pending = pendingFiles(files, rows);
    const citus = await hasCitus(client);
    for (const file of pending) {
      await applyOnceFree(client, file, citus);
    }
    await client.query("select tenancy.ensure_audit_partitions()");
    return pending.map((file) => file.name);
  } finally {
    await client.end().catch(() => undefined); // which also gives the lock back
  }
}

/** Names of the migrations this database lacks, asked as role operator. Throws DatabaseRefusal as `migrate` does. */
export async function pendingMigrations(
  scope: Scope,
  options: { extraDirectories?: readonly string[] | undefined } = {},
): Promise<string[]> {
  const files = await readMigrationFiles(options.extraDirectories);
  const ledger = await scope.run(sql<LedgerRow>`${sql.raw(readLedger)}`.compile(build));
  return pendingFiles(files, ledger).map((file) => file.name);
}

/** Asks again and again instead of waiting in the lock: a waiting statement would hold up CREATE INDEX CONCURRENTLY for ever. */
async function takeLock(client: Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>("select pg_try_advisory_lock($1) as taken", [
      migrationLock,
    ]);
    if (rows[0]?.taken === true) {
      return;
    }
    await pause(20 + Math.random() * 60);
  }
}

/** Tries again while somebody else holds what the migration needs: three minutes at the most. */
async function applyOnceFree(client: Client, file: MigrationFile, citus: boolean): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await apply(client, file, citus);
      return;
    } catch (error) {
      const cause = error instanceof DatabaseRefusal ? error.cause : undefined;
      const isLocked = cause instanceof pg.DatabaseError && cause.code === "55P03";
      if (!isLocked || file.alone || attempt === mostAttempts) throw error;
      await client.query("rollback");
      await pause(betweenAttemptsMs);
    }
  }
}

async function apply(client: Client, file: MigrationFile, citus: boolean): Promise<void> {
  const record = () =>
    client.query("insert into tenancy.migrations (name, origin, sha256) values ($1, $2, $3)", [
      file.name,
      file.origin,
      file.sha256,
    ]);
  try {
    if (file.alone) {
      await client.query(file.text);
      await record();
      return;
    }
    await client.query(`begin; set local lock_timeout = '${lockTimeout}'`);
    await record();
    if (citus) await client.query("set local citus.multi_shard_modify_mode = 'sequential'");
    // Citus passes on the whole text of what it was sent.
    for (const statement of citus ? splitStatements(file.text) : [file.text]) await client.query(statement);
    if (client.getTransactionStatus() !== "T") {
      throw new Error("it ends the transaction it runs in");
    }
    await client.query("commit");
  } catch (error) {
    throw new DatabaseRefusal(
      "migration_failed",
      `The migration ${file.name} failed: ${error instanceof Error ? error.message : String(error)}`,
      "Nothing of it was kept. Correct it and run the migrations again.",
      { cause: error },
    );
  }
}
