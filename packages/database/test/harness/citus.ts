import { appendFileSync, chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningCluster, startCluster } from "../../src/embedded/start-cluster.ts";
import { joinNodes, workersOf } from "./citus-databases.ts";
import type { Cluster } from "./clusters.ts";
import { system15 } from "./system15.ts";
import { withClient } from "./with-client.ts";

/** Nodes reach each other by TLS and are trusted there; clients come without it and need their role's password. */
const authentication = `hostssl all all 127.0.0.1/32 trust
hostnossl all all 127.0.0.1/32 scram-sha-256
`;

/** One PostgreSQL 15 with Citus loaded, and where its files are. */
interface Node {
  readonly running: RunningCluster;
  readonly data: string;
}

export interface CitusCluster extends Cluster {
  /** The worker nodes' connection strings, as the superuser. */
  readonly workers: readonly string[];
  /** Replaces the `pg_hba.conf` of the first worker by these lines, or puts it back. */
  authenticateFirstWorker(lines?: string): Promise<void>;
  stop(): Promise<void>;
}

async function startNode(dataDir: string): Promise<Node> {
  const options = { dataDir, installation: system15, durable: false };
  await (await startCluster(options)).stop(); // makes the files
  const data = join(dataDir, "data");
  appendFileSync(join(data, "postgresql.conf"), "shared_preload_libraries = 'citus'\n");
  writeFileSync(join(data, "pg_hba.conf"), authentication);
  const running = await startCluster(options);
  await withClient(running.superuserUrl, (client) => client.query("create extension citus"));
  return { running, data };
}

/** A coordinator and two workers on the loopback, each a PostgreSQL 15 of its own. */
export async function startCitus(): Promise<CitusCluster> {
  const root = mkdtempSync(join(tmpdir(), "tenantctl-test-"));
  chmodSync(root, 0o755);
  const nodes: Node[] = [];
  const stop = async () => {
    await Promise.all(nodes.map(({ running }) => running.stop()));
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    for (const name of ["coordinator", "worker1", "worker2"]) nodes.push(await startNode(join(root, name)));
    const [coordinator = "", ...others] = nodes.map(({ running }) => running.superuserUrl);
    await joinNodes(coordinator, others);
    // From now on the superuser's password is the coordinator's on each node: Citus has passed it on.
    const workers = (await workersOf(coordinator)) ?? [];
    const version = await withClient(coordinator, async (client) => {
      const { rows } = await client.query<{ version: string }>(
        "select extversion as version from pg_extension where extname = 'citus'",
      );
      return rows[0]?.version;
    });
    const [, first] = nodes;
    return {
      name: `Citus ${version}, a coordinator and two workers`,
      adminUrl: coordinator,
      workers,
      authenticateFirstWorker: async (lines = authentication) => {
        if (first === undefined) throw new Error("there is no worker");
        writeFileSync(join(first.data, "pg_hba.conf"), lines);
        await withClient(workers[0] ?? "", (client) => client.query("select pg_reload_conf()"));
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
