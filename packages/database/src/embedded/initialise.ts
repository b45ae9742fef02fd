import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Account, processOptions } from "./account.ts";
import { EmbeddedError, type EmbeddedErrorCode } from "./embedded-error.ts";
import { endLeftovers } from "./end-processes.ts";
import type { Installation } from "./installation.ts";

export const adminUser = "tenantctl_admin";
export const adminDatabase = "tenantctl";
export const superuser = "postgres";

const draftPrefix = "init-";

interface Cluster {
  readonly account: Account;
  readonly installation: Installation;
  readonly folder: string;
  readonly durable: boolean;
  readonly adminPassword: string;
  /** A file with the superuser's password that the account can read. */
  readonly superuserPasswordFile: string;
}

interface Failure {
  readonly code: EmbeddedErrorCode;
  readonly what: string;
  readonly hint: string;
}

const initFailed: Failure = {
  code: "InitFailed",
  what: "Making the PostgreSQL cluster",
  hint: "Nothing was kept of it: start again. If it fails again, choose another folder with TENANTCTL_DATA_DIR.",
};

const resetFailed: Failure = {
  code: "StartFailed",
  what: "Giving the product's database user a new password",
  hint: "Put back the admin-password file that belongs to these data, or choose another folder with TENANTCTL_DATA_DIR.",
};

async function finished(child: ChildProcess, failure: Failure): Promise<void> {
  let said = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => resolve(status ?? signal ?? "unknown"));
  });
  if (code === 0) return;
  const lastWords = said.trim().split("\n").slice(-4).join(" | ");
  throw new EmbeddedError(failure.code, `${failure.what} failed (${code}): ${lastWords}`, failure.hint);
}

function initdbArguments(cluster: Cluster, draft: string): string[] {
  const locale = cluster.installation.major >= 17 ? ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] : [];
  return [
    ...["-D", draft, "-U", superuser, `--pwfile=${cluster.superuserPasswordFile}`, "--auth=scram-sha-256"],
    ...["--encoding=UTF8", "--locale=C", ...locale, "--data-checksums", "--no-instructions"],
    ...(cluster.durable ? [] : ["--no-sync"]),
  ];
}

/** Makes the product's user and its database in single-user mode: no network, no superuser login. */
async function runSingleUser(
  cluster: Cluster,
  data: string,
  statements: readonly string[],
  failure: Failure,
): Promise<void> {
  const settings = ["exit_on_error=true", "log_min_error_statement=panic", `fsync=${cluster.durable ? "on" : "off"}`];
  const child = spawn(
    join(cluster.installation.folder, "bin", "postgres"),
    ["--single", "-D", data, ...settings.flatMap((setting) => ["-c", setting]), "postgres"],
    { ...processOptions(cluster.account), detached: true, stdio: ["pipe", "pipe", "pipe"] },
  );
  const done = finished(child, failure);
  child.stdin.on("error", () => {}); // A server that ended early is reported by its exit code.
  child.stdin.end(`${statements.join("\n")}\n`);
  await done;
}

/**
 * Makes a new cluster in `<folder>/data`, or throws `InitFailed`. It is built beside that place and renamed when
 * complete, so a start that was killed halfway leaves nothing that looks like a cluster.
 */
export async function initialise(cluster: Cluster): Promise<void> {
  for (const name of readdirSync(cluster.folder).filter((entry) => entry.startsWith(draftPrefix))) {
    await endLeftovers(join(cluster.folder, name));
    rmSync(join(cluster.folder, name), { recursive: true, force: true, maxRetries: 5 });
  }
  const draft = join(cluster.folder, `${draftPrefix}${process.pid}`);
  try {
    const initdb = spawn(join(cluster.installation.folder, "bin", "initdb"), initdbArguments(cluster, draft), {
      ...processOptions(cluster.account),
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    await finished(initdb, initFailed);
    const statements = [
      `create role ${adminUser} login createrole password '${cluster.adminPassword}'`,
      `create database ${adminDatabase} owner ${adminUser}`,
      // To hand on to the owner role: how long transactions of other roles are open is watched.
      `grant pg_read_all_stats to ${adminUser} with admin option`,
    ];
    await runSingleUser(cluster, draft, statements, initFailed);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true, maxRetries: 5 });
    throw error;
  }
  renameSync(draft, join(cluster.folder, "data"));
  const handle = openSync(cluster.folder, "r");
  fsyncSync(handle);
  closeSync(handle);
}

/** Gives the product's user a new password, for data whose password file was lost; throws `StartFailed`. */
export async function resetAdminPassword(cluster: Cluster): Promise<void> {
  const statement = `alter role ${adminUser} password '${cluster.adminPassword}'`;
  await runSingleUser(cluster, join(cluster.folder, "data"), [statement], resetFailed);
}
