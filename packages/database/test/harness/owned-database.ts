import { escapeIdentifier, escapeLiteral } from "pg";
import { createDistributed } from "./citus-databases.ts";
import type { Cluster } from "./clusters.ts";
import { urlOf, withClient } from "./with-client.ts";

export { urlOf, withClient };

/** Every server of the cluster: on Citus each has a database of the same name. */
export const nodesOf = (cluster: Cluster): string[] => [cluster.adminUrl, ...(cluster.workers ?? [])];

export interface TestDatabase {
  /** Connection string of the ordinary user who owns the database and may create roles. */
  readonly url: string;
  readonly name: string;
  /** For `migrate(url, { prefix })` and TENANTCTL_ROLE_PREFIX: no other database of this cluster uses it, clones of a template apart. */
  readonly prefix: string;
  readonly cluster: Cluster;
  /** Removes the database, ending the sessions in it, and the roles that belong to it alone. */
  drop(): Promise<void>;
}

/** Removes the roles a prefix names. Each role is dropped by the user who made it: that works without a superuser too. */
export async function dropRoles(cluster: Cluster, ownerUrl: string, prefix: string): Promise<void> {
  const owner = `${prefix}_admin`;
  const like = `${prefix.replaceAll("_", "\\_")}\\_%`;
  await withClient(urlOf(ownerUrl, new URL(cluster.adminUrl).pathname.slice(1)), async (client) => {
    const { rows } = await client.query<{ rolname: string }>(
      "select rolname from pg_roles where rolname like $1 and rolname <> $2",
      [like, owner],
    );
    for (const { rolname } of rows) await client.query(`drop role ${escapeIdentifier(rolname)}`);
  });
  await withClient(cluster.adminUrl, (client) => client.query(`drop role ${escapeIdentifier(owner)}`));
}

export async function dropDatabase(cluster: Cluster, name: string): Promise<void> {
  for (const url of nodesOf(cluster)) {
    await withClient(url, (client) => client.query(`drop database if exists ${escapeIdentifier(name)} with (force)`));
  }
}

/** Makes the ordinary user `<prefix>_admin`, who may create roles, and an empty database it owns; answers its URL. */
export async function createOwnedDatabase(
  cluster: Cluster,
  name: string,
  prefix: string,
  password: string,
): Promise<string> {
  const user = { name: `${prefix}_admin`, password };
  await withClient(cluster.adminUrl, async (client) => {
    const role = escapeIdentifier(user.name);
    await client.query(`create role ${role} login createrole password ${escapeLiteral(password)}`);
    // Only a member may give a database to a role; a superuser counts as one.
    await client.query(`grant ${role} to current_user`);
    if (cluster.workers === undefined) await client.query(`create database ${escapeIdentifier(name)} owner ${role}`);
  });
  if (cluster.workers !== undefined) await createDistributed(nodesOf(cluster), name, user.name);
  return urlOf(cluster.adminUrl, name, user);
}
