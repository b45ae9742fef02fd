import { createHash } from "node:crypto";
import type { Cluster } from "./clusters.ts";
import { urlOf } from "./owned-database.ts";

/** The database a test run migrates once; also the prefix of its roles and of the names of its copies. */
export const templateName = (runId: string): string => `m${runId}`;

/** Connection string of the template's owner: every worker of the run arrives at the same password. */
export function templateUrl(cluster: Cluster, runId: string): string {
  const name = templateName(runId);
  const password = createHash("sha256").update(`${name} ${cluster.adminUrl}`).digest("hex");
  return urlOf(cluster.adminUrl, name, { name: `${name}_admin`, password });
}
