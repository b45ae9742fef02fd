import { randomBytes } from "node:crypto";
import { escapeIdentifier } from "pg";
import { inject } from "vitest";
import { migrate } from "../../src/migrate.ts";
import { type Cluster, defaultCluster } from "./clusters.ts";
import {
  createOwnedDatabase,
  dropDatabase,
  dropRoles,
  nodesOf,
  type TestDatabase,
  urlOf,
  withClient,
} from "./owned-database.ts";
import { templateName, templateUrl } from "./template-name.ts";

/** Statements that give `clone` the privileges and settings its template has: a copy of the database leaves them behind. */
const databaseLevelSql = `
  with source as (select oid, datacl from pg_database where datname = $1)
  select format('revoke all on database %I from public', $2::text) as statement, 0 as place
    from source where datacl is not null
  union all
  select format('grant %s on database %I to %s%s', privilege_type, $2::text,
                case when grantee = 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
                case when is_grantable then ' with grant option' else '' end), 1
    from source, aclexplode(datacl)
  union all
  select format('alter %s %I %s set %I = %s',
                case when setrole = 0 then 'database' else 'role' end,
                case when setrole = 0 then $2::text else pg_get_userbyid(setrole) end,
                case when setrole = 0 then '' else format('in database %I', $2::text) end,
                split_part(setting, '=', 1),
                case when split_part(setting, '=', 1) = 'search_path' then substr(setting, strpos(setting, '=') + 1)
                     else quote_literal(substr(setting, strpos(setting, '=') + 1)) end), 2
    from source join pg_db_role_setting on setdatabase = source.oid, unnest(setconfig) as setting
  order by place`;

/** On Citus each node has its part of it, and a daemon of its own that would keep it from being copied. */
async function renameEverywhere(cluster: Cluster, draft: string, name: string): Promise<void> {
  for (const node of nodesOf(cluster)) {
    await withClient(node, async (client) => {
      if (cluster.workers !== undefined) {
        await client.query(`alter database ${escapeIdentifier(draft)} allow_connections false`);
        await client.query("select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = $1", [draft]);
      }
      await client.query(`alter database ${escapeIdentifier(draft)} rename to ${escapeIdentifier(name)}`);
    });
  }
}

/** The template's name and owner; the first to ask in this test run migrates it, the others wait. */
async function template(cluster: Cluster): Promise<{ name: string; url: string }> {
  const name = templateName(inject("runId"));
  const url = templateUrl(cluster, inject("runId"));
  await withClient(cluster.adminUrl, async (client) => {
    await client.query("select pg_advisory_lock(hashtext($1))", [name]);
    const { rows } = await client.query("select from pg_database where datname = $1", [name]);
    if (rows.length > 0) return;
    const draft = `${name}_draft`;
    const draftUrl = await createOwnedDatabase(cluster, draft, name, new URL(url).password);
    try {
      await migrate(draftUrl, { prefix: name });
    } catch (error) {
      // Every test that asks is to see why the migration failed, not that a half-made template is in the way.
      await dropDatabase(cluster, draft);
      await dropRoles(cluster, draftUrl, name);
      throw error;
    }
    await renameEverywhere(cluster, draft, name);
  });
  return { name, url };
}

/**
 * A migrated database of its own: a copy of one that was migrated once in this run. Copies share the role prefix, the
 * roles and their passwords, as several servers of one installation do.
 */
export async function createMigratedDatabase(options: { cluster?: Cluster } = {}): Promise<TestDatabase> {
  const cluster = options.cluster ?? defaultCluster();
  const source = await template(cluster);
  const name = `${source.name}_${randomBytes(4).toString("hex")}`;
  const owner = escapeIdentifier(`${source.name}_admin`);
  for (const node of nodesOf(cluster)) {
    await withClient(node, (client) =>
      client.query(
        `create database ${escapeIdentifier(name)} template ${escapeIdentifier(source.name)} owner ${owner}`,
      ),
    );
  }
  const url = urlOf(source.url, name);
  // On Citus each node says for itself: the copy is a database that Citus does not know yet.
  for (const node of cluster.workers === undefined ? [url] : nodesOf(cluster)) {
    await withClient(node, async (client) => {
      const { rows } = await client.query<{ statement: string }>(databaseLevelSql, [source.name, name]);
      if (cluster.workers !== undefined) await client.query("set citus.enable_ddl_propagation = off");
      for (const { statement } of rows) await client.query(statement);
    });
  }
  return { url, name, prefix: source.name, cluster, drop: () => dropDatabase(cluster, name) };
}
