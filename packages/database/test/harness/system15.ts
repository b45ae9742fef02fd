import { existsSync } from "node:fs";
import { type RunningCluster, startCluster } from "../../src/embedded/start-cluster.ts";

const folder = "/usr/lib/postgresql/15";

/** Starts a throwaway cluster with the system's PostgreSQL 15, or answers why there is none. */
export async function startSystem15(dataDir: string): Promise<RunningCluster | { missing: string }> {
  if (!existsSync(`${folder}/bin/postgres`)) return { missing: `no PostgreSQL 15 binaries in ${folder}/bin` };
  return startCluster({ dataDir, installation: folder, durable: false });
}
