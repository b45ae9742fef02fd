import { hasCitus } from "./citus.ts";
import { Client } from "./client.ts";
import { defaultRolePrefix, roleName, servingRoles } from "./role-names.ts";
import { type RoleUrls, resolveRoleUrls } from "./role-urls.ts";

/** Who the connected user is, and on what. */
export interface ServerFacts {
  readonly version: string;
  readonly versionNumber: number;
  readonly user: string;
  readonly superuser: boolean;
  readonly mayCreateRoles: boolean;
  readonly ownsDatabase: boolean;
  /** The extension's version on a Citus coordinator. */
  readonly citus: string | null;
}

/** A way from node to node that a role can't take. */
export interface ClosedWay {
  readonly role: string;
  readonly from: string;
  readonly to: string;
}

export interface InspectSettings {
  readonly url: string;
  readonly prefix?: string | undefined;
  readonly roleUrls?: RoleUrls | undefined;
}

const connected = async <T>(url: string, work: (client: Client) => Promise<T>): Promise<T> => {
  const client = new Client({
    connectionString: url,
    application_name: "tenantctl doctor",
    connectionTimeoutMillis: 10_000,
  });
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
};

/** Looks who `url` is and what it leads to. Throws what connecting throws. */
export const inspectServer = (url: string): Promise<ServerFacts> =>
  connected(url, async (client) => {
    const { rows } = await client.query<ServerFacts>(
      `select current_setting('server_version') as version, current_setting('server_version_num')::int as "versionNumber",
         r.rolname as "user", r.rolsuper as superuser, r.rolcreaterole as "mayCreateRoles",
         pg_has_role(d.datdba, 'USAGE') as "ownsDatabase",
         (select extversion from pg_catalog.pg_extension where extname = 'citus') as citus
       from pg_catalog.pg_roles r, pg_catalog.pg_database d where r.rolname = current_user and d.datname = current_database()`,
    );
    const [facts] = rows;
    if (facts === undefined) throw new Error("PostgreSQL does not say who is connected");
    return facts;
  });

/** Roles that serve and can't log in, each with PostgreSQL's reason. Throws DatabaseRefusal where nothing was migrated yet. */
export const inspectLogins = async (settings: InspectSettings): Promise<{ role: string; reason: string }[]> => {
  const urls = await resolveRoleUrls(settings);
  const tried = await Promise.all(
    servingRoles.map((role) =>
      connected(urls[role], async () => undefined).catch((error: unknown) => ({
        role: roleName(settings.prefix ?? defaultRolePrefix, role),
        reason: error instanceof Error ? error.message : String(error),
      })),
    ),
  );
  return tried.filter((failed) => failed !== undefined);
};

const waysOf = async (client: Client, role: string): Promise<ClosedWay[]> => {
  const { rows } = await client.query<ClosedWay>(
    `select $1::text as role, concat(from_nodename, ':', from_nodeport) as "from", concat(to_nodename, ':', to_nodeport) as "to"
     from citus_check_cluster_node_health() where result is not true order by 2, 3`,
    [role],
  );
  return rows;
};

/**
 * On Citus: the ways from node to node that the roles whose statements reach the nodes can't take, tried by logging in. None
 * on plain PostgreSQL.
 */
export const inspectNodes = async (settings: InspectSettings): Promise<ClosedWay[]> => {
  const prefix = settings.prefix ?? defaultRolePrefix;
  const owner = roleName(prefix, "owner");
  const asOwner = await connected(settings.url, async (client) => {
    if (!(await hasCitus(client))) return undefined;
    await client.query(`set role ${owner}`);
    return waysOf(client, owner);
  });
  if (asOwner === undefined) return [];
  const urls = await resolveRoleUrls(settings);
  const [tenant, operator] = await Promise.all(
    (["tenant", "operator"] as const).map((role) =>
      connected(urls[role], (client) => waysOf(client, roleName(prefix, role))),
    ),
  );
  return [...asOwner, ...(tenant ?? []), ...(operator ?? [])];
};
