import { randomBytes } from "node:crypto";
import { type Cluster, defaultCluster } from "./clusters.ts";
import { createOwnedDatabase, dropDatabase, dropRoles, type TestDatabase } from "./owned-database.ts";

export { createMigratedDatabase } from "./migrated-database.ts";
export { type TestDatabase, urlOf, withClient } from "./owned-database.ts";

/** An empty database of its own, owned by a user of its own: what an installation starts from. */
export async function createDatabase(options: { cluster?: Cluster } = {}): Promise<TestDatabase> {
  const cluster = options.cluster ?? defaultCluster();
  const prefix = `t${randomBytes(5).toString("hex")}`;
  const url = await createOwnedDatabase(cluster, prefix, prefix, randomBytes(12).toString("hex"));
  return {
    url,
    name: prefix,
    prefix,
    cluster,
    drop: async () => {
      await dropDatabase(cluster, prefix);
      await dropRoles(cluster, url, prefix);
    },
  };
}
