import pg from "pg";
import { hasCitus, runOnWorkers } from "./citus.ts";
import { Client } from "./client.ts";
import { userOf } from "./connection-url.ts";
import { DatabaseRefusal } from "./database-error.ts";
import { type RoleName, roleName, type ServingRole, servingRoles } from "./role-names.ts";
import { type RoleUrls, rolePassword, roleUrlsFrom } from "./role-urls.ts";
import { scramVerifier } from "./scram-verifier.ts";

/**
 * Set on the role, so that every connection of it has them, whatever opened it. Who waits for a lock holds a connection
 * meanwhile: requests not for as long as their statements may take.
 */
const settingsOf: Record<RoleName, Record<string, string>> = {
  owner: {},
  tenant: {
    statement_timeout: "30s",
    lock_timeout: "10s",
    idle_in_transaction_session_timeout: "30s",
    TimeZone: "UTC",
    // Where a tenant has more rows than others, PostgreSQL finds a plan for its id alone cheaper, and plans each time anew.
    plan_cache_mode: "force_generic_plan",
  },
  operator: {
    statement_timeout: "2min",
    lock_timeout: "30s",
    idle_in_transaction_session_timeout: "60s",
    TimeZone: "UTC",
  },
  jobs: { lock_timeout: "30s", TimeZone: "UTC" },
};

/** The tenant's context is a setting, and row-level security asks for it on the nodes where the rows are. */
const settingsOnCitus: Record<string, string> = {
  "citus.propagate_set_commands": "local",
  // It finds a statement's shard by the values that it is planned with, and refuses some that it has to plan without.
  plan_cache_mode: "force_custom_plan",
};

/** Two sessions that change one role at once: the later one gets one of these, and finds the work done on another try. */
const racedCodes = ["XX000", "23505", "42710", "40001", "40P01"];

/** Makes the roles that are missing and lets the connected user act as the owner. Safe to run in many sessions at once. */
export async function ensureRoles(client: Client, prefix: string): Promise<void> {
  // On Citus the nodes log in to each other as whoever a statement runs as. Without a password nobody else can as the owner.
  const citus = await hasCitus(client);
  for (const role of ["owner", ...servingRoles] as const) {
    const name = roleName(prefix, role);
    const login = role !== "owner" || citus;
    await repeatWhenRaced(async () => {
      const { rows } = await client.query<{ rolcanlogin: boolean }>(
        "select rolcanlogin from pg_catalog.pg_roles where rolname = $1",
        [name],
      );
      if (rows.length === 0) {
        await client.query(`create role ${name} ${login ? "login" : "nologin"}`);
      } else if (login && rows[0]?.rolcanlogin === false) {
        await client.query(`alter role ${name} login`);
      }
    });
    await ensureSettings(client, name, { ...settingsOf[role], ...(citus ? settingsOnCitus : {}) });
  }
  await joinOwner(client, roleName(prefix, "owner"));
  await letOwnerReadStatistics(client, roleName(prefix, "owner"));
}

/** Where the connected user may allow it: `app.open_transactions()` tells how long other roles' transactions are open. */
async function letOwnerReadStatistics(client: Client, owner: string): Promise<void> {
  await repeatWhenRaced(async () => {
    const { rows } = await client.query<{ may: boolean; member: boolean }>(
      `select u.rolsuper or current_setting('server_version_num')::int < 160000 and u.rolcreaterole or exists (
           select from pg_catalog.pg_auth_members m
           where m.roleid = 'pg_read_all_stats'::regrole and m.admin_option and pg_has_role(m.member, 'USAGE')) as may,
         pg_has_role($1, 'pg_read_all_stats', 'MEMBER') as member
       from pg_catalog.pg_roles u where u.rolname = current_user`,
      [owner],
    );
    if (rows[0]?.may === true && !rows[0].member) {
      await client.query(`grant pg_read_all_stats to ${owner}`);
    }
  });
}

const with16 = (modern: boolean | undefined): string => (modern === true ? " with set true, inherit true" : "");

async function joinOwner(client: Client, owner: string): Promise<void> {
  await repeatWhenRaced(async () => {
    // From 16 on a creator administers the role but does not hold it.
    const { rows } = await client.query<{ modern: boolean; member: boolean }>(
      `select current_setting('server_version_num')::int >= 160000 as modern,
         pg_has_role($1, case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end)
         and pg_has_role($1, 'USAGE') as member`,
      [owner],
    );
    const [state] = rows;
    if (state?.member === false) {
      await client.query(`grant ${owner} to current_user${with16(state.modern)}`);
    }
    // Citus passes on what concerns roles that were made in this database, and the connected user was not.
    if (await hasCitus(client)) await runOnWorkers(client, `grant ${owner} to current_user${with16(state?.modern)}`);
  });
}

async function ensureSettings(client: Client, name: string, settings: Record<string, string>): Promise<void> {
  for (const [setting, value] of Object.entries(settings)) {
    await repeatWhenRaced(async () => {
      const { rows } = await client.query(
        "select from pg_catalog.pg_roles where rolname = $1 and $2 = any (rolconfig)",
        [name, `${setting}=${value}`],
      );
      if (rows.length === 0) {
        await client.query(`alter role ${name} set ${setting} = '${value}'`);
      }
    });
  }
}

interface PasswordSettings {
  url: string;
  prefix: string;
  secret: Buffer;
  /** Whether the secret was made by this run: then roles with other passwords are somebody else's. */
  secretIsNew: boolean;
  roleUrls: RoleUrls;
}

/** Makes each role's password the one its URL carries; asks by logging in, since stored passwords can't be read. */
export async function ensurePasswords(client: Client, settings: PasswordSettings): Promise<void> {
  const { url, prefix, secret, secretIsNew, roleUrls } = settings;
  const urls = roleUrlsFrom(url, secret, prefix, roleUrls);
  for (const role of servingRoles) {
    const name = roleName(prefix, role);
    requireUser(role, name, urls[role]);
    if (await canLogIn(urls[role])) {
      continue;
    }
    if (secretIsNew) {
      await refuseForeignRoles(client, prefix);
    }
    const verifier = scramVerifier(rolePassword(secret, prefix, role, roleUrls));
    await repeatWhenRaced(() => client.query(`alter role ${name} login password '${verifier}'`));
  }
}

function requireUser(role: ServingRole, name: string, url: string): void {
  if (userOf(url) !== name) {
    throw new DatabaseRefusal(
      "role_url_invalid",
      `TENANTCTL_${role.toUpperCase()}_DATABASE_URL names the user ${userOf(url) ?? "(none)"}, not ${name}.`,
      `Put ${name} into the URL, or change TENANTCTL_ROLE_PREFIX.`,
    );
  }
}

async function canLogIn(url: string): Promise<boolean> {
  const probe = new Client({ connectionString: url });
  try {
    await probe.connect();
    return true;
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code?.startsWith("28")) {
      return false;
    }
    throw error;
  } finally {
    await probe.end().catch(() => undefined);
  }
}

/** A new database must not take over the roles, and so the passwords, of another one that is in use. */
async function refuseForeignRoles(client: Client, prefix: string): Promise<void> {
  const { rows } = await client.query<{ datname: string }>(
    `select d.datname from pg_catalog.pg_shdepend s join pg_catalog.pg_database d on d.oid = s.dbid
     where s.refclassid = 'pg_catalog.pg_authid'::regclass and s.refobjid = $1::regrole and s.deptype = 'o'
       and d.datname <> current_database() limit 1`,
    [roleName(prefix, "owner")],
  );
  const [other] = rows;
  if (other !== undefined) {
    throw new DatabaseRefusal(
      "role_prefix_taken",
      `The roles ${prefix}_* serve the database "${other.datname}" of this PostgreSQL already.`,
      "Choose another prefix for this one: set TENANTCTL_ROLE_PREFIX.",
    );
  }
}

async function repeatWhenRaced(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || !racedCodes.includes(error.code ?? "") || attempt === 20) {
        throw error;
      }
    }
  }
}
