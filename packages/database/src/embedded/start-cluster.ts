import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { type Account, writePrivateFile } from "./account.ts";
import { prepareDataFolder } from "./data-folder.ts";
import { EmbeddedError } from "./embedded-error.ts";
import { endLeftovers, endProcess, orderedStop } from "./end-processes.ts";
import { adminDatabase, adminUser, initialise, resetAdminPassword, superuser } from "./initialise.ts";
import { resolveInstallation } from "./installation.ts";
import { acquireOwnerLock } from "./owner-lock.ts";
import { lastWords, startPostmaster } from "./postmaster.ts";

export interface ClusterOptions {
  /** Folder for the cluster's files, made when absent. */
  readonly dataDir: string;
  /** False only for data that may be lost with the machine (tests). */
  readonly durable?: boolean;
  /** Called once per notable step, without a line end. */
  readonly log?: (line: string) => void;
  /** Called when PostgreSQL ends though nobody called stop(); the sentence says how and quotes its last words. */
  readonly onExit?: (reason: string) => void;
  /** Folder of another PostgreSQL (with bin/) to use instead of the npm package's. */
  readonly installation?: string;
  /** Free bytes below which a start is refused. */
  readonly requiredBytes?: number;
}

export interface RunningCluster {
  /** Connection string of the ordinary user who owns the product's database. */
  readonly url: string;
  readonly superuserUrl: string;
  readonly port: number;
  readonly pid: number;
  /** The server's version, such as 18.4. */
  readonly version: string;
  stop(): Promise<void>;
}

const bytesForNewCluster = 256 * 1024 * 1024;
const bytesForStart = 32 * 1024 * 1024;

function refuseOtherMajor(folder: string, major: number): void {
  // A bare PostgreSQL folder given as data folder is refused in the same words as one of ours.
  for (const file of [join(folder, "data", "PG_VERSION"), join(folder, "PG_VERSION")]) {
    if (!existsSync(file)) continue;
    const found = readFileSync(file, "utf8").trim();
    if (found === String(major)) continue;
    throw new EmbeddedError(
      "WrongMajorVersion",
      `The data folder ${folder} belongs to PostgreSQL ${found}, but this is PostgreSQL ${major}.`,
      `Export the tenants with the tenantctl that made it, or choose another folder with TENANTCTL_DATA_DIR and keep this one.`,
    );
  }
}

function refuseFullDisk(folder: string, required: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free >= required) return;
  const mib = (bytes: number) => `${Math.floor(bytes / 1024 / 1024)} MiB`;
  throw new EmbeddedError(
    "DiskFull",
    `The disk of ${folder} has ${mib(free)} free; PostgreSQL needs ${mib(required)}.`,
    "Free some space, or choose a folder on another disk with TENANTCTL_DATA_DIR.",
  );
}

function storedPassword(file: string): string | undefined {
  const value = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  return value === "" ? undefined : value;
}

const newPassword = (): string => randomBytes(24).toString("hex");

async function serverVersion(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ version: string }>("select current_setting('server_version') as version");
    return rows[0]?.version.split(" ")[0] ?? "";
  } finally {
    await client.end();
  }
}

async function startLocked(options: ClusterOptions, account: Account, folder: string): Promise<RunningCluster> {
  const log = options.log ?? (() => {});
  const durable = options.durable ?? true;
  const installation = resolveInstallation(account, options.installation);
  refuseOtherMajor(folder, installation.major);
  const data = join(folder, "data");
  const leftovers = await endLeftovers(data);
  if (leftovers > 0) log(`stopped a PostgreSQL that an earlier start had left running (${leftovers} processes)`);

  const fresh = !existsSync(data);
  refuseFullDisk(folder, options.requiredBytes ?? (fresh ? bytesForNewCluster : bytesForStart));
  const superuserPasswordFile = join(folder, "superuser-password");
  const superuserPassword = storedPassword(superuserPasswordFile) ?? newPassword();
  const adminPasswordFile = join(folder, "admin-password");
  const stored = storedPassword(adminPasswordFile);
  const adminPassword = stored ?? newPassword();
  const cluster = { account, installation, folder, durable, adminPassword, superuserPasswordFile };
  if (fresh) {
    log(`making a PostgreSQL ${installation.version} cluster in ${folder}`);
    writePrivateFile(account, superuserPasswordFile, `${superuserPassword}\n`);
    await initialise(cluster);
  } else if (stored === undefined) {
    await resetAdminPassword(cluster);
  }
  // Written once the server knows it: a start killed before this line resets it the next time.
  if (stored === undefined) writePrivateFile(account, adminPasswordFile, `${adminPassword}\n`);

  const server = await startPostmaster({ account, installation, folder, durable });
  let stopping: Promise<void> | undefined;
  server.ended.then((how) => {
    if (stopping !== undefined) return;
    const log = join(folder, "postgres.log");
    options.onExit?.(`PostgreSQL ended unexpectedly (${how}); its log, ${log}, ends with: ${lastWords(log)}`);
  });
  const stop = () => {
    stopping ??= endProcess(server.pid, orderedStop).then(async () => {
      await server.ended;
    });
    return stopping;
  };
  try {
    const at = `127.0.0.1:${server.port}`;
    const url = `postgresql://${adminUser}:${adminPassword}@${at}/${adminDatabase}`;
    const superuserUrl = `postgresql://${superuser}:${superuserPassword}@${at}/postgres`;
    return { url, superuserUrl, port: server.port, pid: server.pid, version: await serverVersion(url), stop };
  } catch (cause) {
    await stop();
    throw new EmbeddedError(
      "StartFailed",
      `PostgreSQL started but did not answer: ${cause instanceof Error ? cause.message : String(cause)}`,
      `Look into ${join(folder, "postgres.log")}; deleting ${adminPasswordFile} gives the product a new password.`,
      { cause },
    );
  }
}

/** Starts a cluster in its data folder, whatever an earlier start left there; throws `EmbeddedError`. */
export async function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  const { folder, account } = await prepareDataFolder(options.dataDir, options.log ?? (() => {}));
  const lock = acquireOwnerLock(account, folder);
  try {
    const cluster = await startLocked(options, account, folder);
    let stopped: Promise<void> | undefined;
    const stop = () => {
      stopped ??= cluster.stop().finally(() => lock.release());
      return stopped;
    };
    return { ...cluster, stop };
  } catch (error) {
    lock.release();
    throw error;
  }
}
