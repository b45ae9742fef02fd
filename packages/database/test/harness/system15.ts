import { existsSync } from "node:fs";
import { type RunningCluster, startCluster } from "../../src/embedded/start-cluster.ts";

/** The system's PostgreSQL 15, where it is installed. */
export const system15 = "/usr/lib/postgresql/15";

/** Starts a throwaway cluster with the system's PostgreSQL 15, or answers why there is none. */
export async function startSystem15(dataDir: string): Promise<RunningCluster | { missing: string }> {
  if (!existsSync(`${system15}/bin/postgres`)) return { missing: `no PostgreSQL 15 binaries in ${system15}/bin` };
  return startCluster({ dataDir, installation: system15, durable: false });
}
