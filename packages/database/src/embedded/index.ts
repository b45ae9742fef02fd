import { type ClusterOptions, startCluster } from "./start-cluster.ts";

export { EmbeddedError, type EmbeddedErrorCode } from "./embedded-error.ts";
export { packagedFolder } from "./installation.ts";

export type EmbeddedOptions = ClusterOptions;

export interface EmbeddedPostgres {
  /** Connection string of `tenantctl_admin`, an ordinary user who owns the database `tenantctl` and may create roles. */
  readonly url: string;
  /** On 127.0.0.1; another one at each start. */
  readonly port: number;
  /** The server's process. */
  readonly pid: number;
  /** The server's version, such as 18.4. */
  readonly version: string;
  /** Fast shutdown, and harder ways after 30 s; resolves when the server has ended. Calling it again is harmless. */
  stop(): Promise<void>;
}

/**
 * Starts the embedded PostgreSQL on 127.0.0.1, making its cluster on the first start, and answers when it takes
 * connections. Throws `EmbeddedError`, whose message and hint are written for the user. It installs no signal handlers
 * and no exit hooks: the caller stops it, and a caller that is killed leaves nothing that hinders the next start.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { url, port, pid, version, stop } = await startCluster(options);
  return { url, port, pid, version, stop };
}
