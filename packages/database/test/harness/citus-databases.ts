import { escapeIdentifier } from "pg";
import { urlOf, withClient } from "./with-client.ts";

/** The worker nodes of the Citus cluster that `adminUrl` coordinates, as the same user; undefined on plain PostgreSQL. */
export async function workersOf(adminUrl: string): Promise<string[] | undefined> {
  return withClient(adminUrl, async (client) => {
    const { rows } = await client.query("select from pg_extension where extname = 'citus'");
    if (rows.length === 0) return undefined;
    const nodes = await client.query<{ host: string; port: number }>(
      "select nodename as host, nodeport as port from pg_dist_node where noderole = 'primary' and groupid > 0 order by groupid",
    );
    return nodes.rows.map(({ host, port }) => {
      const url = new URL(adminUrl);
      url.hostname = host;
      url.port = String(port);
      return url.href;
    });
  });
}

const hostAndPort = (url: string): [string, number] => [new URL(url).hostname, Number(new URL(url).port)];

/** Makes the server of `url` the coordinator of `workers`, for the database that all of them name. */
export async function joinNodes(url: string, workers: readonly string[]): Promise<void> {
  await withClient(url, async (client) => {
    await client.query("select citus_set_coordinator_host($1, $2)", hostAndPort(url));
    for (const worker of workers) await client.query("select citus_add_node($1, $2)", hostAndPort(worker));
  });
}

/** Makes a database of the same name on each node, with Citus in it, and joins them: Citus leaves that to the superuser. */
export async function createDistributed(adminUrls: readonly string[], name: string, owner: string): Promise<void> {
  await Promise.all(
    adminUrls.map(async (url) => {
      await withClient(url, (client) =>
        client.query(`create database ${escapeIdentifier(name)} owner ${escapeIdentifier(owner)}`),
      );
      await withClient(urlOf(url, name), (client) => client.query("create extension citus"));
    }),
  );
  const [coordinator = "", ...workers] = adminUrls.map((url) => urlOf(url, name));
  await joinNodes(coordinator, workers);
}
