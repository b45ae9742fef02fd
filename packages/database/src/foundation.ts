import { randomBytes } from "node:crypto";
import type { Client } from "./client.ts";
import { DatabaseRefusal } from "./database-error.ts";
import { roleName } from "./role-names.ts";

/** What the first migration stands on: schemas, the ledger, the secret, and `tenancy.role()`. Returns the secret. */
export async function layFoundation(client: Client, prefix: string): Promise<{ secret: Buffer; secretIsNew: boolean }> {
  const role = (name: "owner" | "tenant" | "operator" | "jobs") => roleName(prefix, name);
  const { rows } = await client.query<{ database: string }>("select quote_ident(current_database()) as database");
  const database = rows[0]?.database;

  await client.query("begin");
  // The roles that serve may not even make temporary tables; jobs makes its queue, the owner what migrations ask for.
  await client.query(`
    revoke temporary on database ${database} from public;
    grant connect on database ${database} to ${role("tenant")}, ${role("operator")}, ${role("jobs")};
    grant create on database ${database} to ${role("owner")}, ${role("jobs")};
    create schema if not exists tenancy authorization ${role("owner")};
    create schema if not exists app authorization ${role("owner")};
  `);
  await letOwnerAdoptTables(client, role("owner"));
  // Another transaction: a Citus node knows the owner by another connection, which sees only what is committed.
  await client.query("commit");
  await client.query("begin");
  await client.query(`
    set local role ${role("owner")};
    create table if not exists tenancy.secrets (name text primary key, value bytea not null);
    create table if not exists tenancy.migrations (
      name text primary key, origin text not null, sha256 text not null, applied_at timestamptz(3) not null default now()
    );
    create or replace function tenancy.role(name text) returns text
    language sql immutable strict parallel safe set search_path = pg_catalog, pg_temp as
    $$ select '${prefix}_' || name $$;
    revoke all on function tenancy.role(text) from public;
  `);
  const inserted = await client.query(
    "insert into tenancy.secrets (name, value) values ('roles', $1) on conflict do nothing",
    [randomBytes(32)],
  );
  const secrets = await client.query<{ value: Buffer }>("select value from tenancy.secrets where name = 'roles'");
  await client.query("commit");

  const secret = secrets.rows[0]?.value;
  if (secret === undefined) {
    throw new Error("The secret that was just written cannot be read.");
  }
  return { secret, secretIsNew: inserted.rowCount === 1 };
}

/** Tables that adopters make in `public` can change hands only if the owner role may create there. */
async function letOwnerAdoptTables(client: Client, owner: string): Promise<void> {
  const { rows } = await client.query<{ may: boolean }>(
    `select pg_has_role(n.nspowner, 'USAGE') as may from pg_catalog.pg_namespace n where n.nspname = 'public'`,
  );
  if (rows[0]?.may === true) {
    await client.query(`grant usage, create on schema public to ${owner}`);
  }
}

/** Throws DatabaseRefusal where the database was set up with another prefix. */
export async function requireOwnPrefix(client: Client, prefix: string): Promise<void> {
  const owner = roleName(prefix, "owner");
  const { rows } = await client.query<{ owner: string }>(
    `select pg_get_userbyid(nspowner) as owner from pg_catalog.pg_namespace where nspname = 'tenancy'`,
  );
  const present = rows[0]?.owner;
  if (present !== undefined && present !== owner) {
    throw new DatabaseRefusal(
      "role_prefix_differs",
      `The schema "tenancy" of this database belongs to ${present}, not to ${owner}.`,
      "Set TENANTCTL_ROLE_PREFIX to the prefix this database was set up with.",
    );
  }
}
