import { createHash } from "node:crypto";
import {
  chmodSync,
  type Dirent,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type Account, canWriteIn, chooseAccount, giveTo, runsAsRoot } from "./account.ts";
import { EmbeddedError, errnoOf } from "./embedded-error.ts";
import { endLeftovers } from "./end-processes.ts";
import { sharedFolder } from "./installation.ts";
import { acquireOwnerLock } from "./owner-lock.ts";

/** Where the cluster's files really are, and who PostgreSQL runs as there. */
export interface DataFolder {
  readonly folder: string;
  readonly account: Account;
}

function entries(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? resolve(dirname(path), readlinkSync(path)) : undefined;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function claim(account: Account, folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  giveTo(account, folder);
  return realpathSync(folder);
}

/** Data of a start whose link has since been removed are somebody's data: they move aside, they are not reused or deleted. */
async function moveAside(account: Account, folder: string, log: (line: string) => void): Promise<void> {
  if (entries(folder).length === 0) return;
  const lock = acquireOwnerLock(account, folder);
  try {
    await endLeftovers(join(folder, "data"));
  } finally {
    lock.release();
  }
  const aside = `${folder}-left-${new Date().toISOString().replaceAll(":", "-")}`;
  renameSync(folder, aside);
  log(`data of an earlier start at this place, whose link is gone, are kept in ${aside}`);
}

/** Keeps the data where the account can go, and leaves a link at the place that was asked for. */
async function relocate(account: Account, path: string, log: (line: string) => void): Promise<string> {
  const key = createHash("sha256").update(path).digest("hex").slice(0, 16);
  const target = join(sharedFolder, key);
  mkdirSync(sharedFolder, { recursive: true });
  chmodSync(sharedFolder, 0o755);
  await moveAside(account, target, log);
  claim(account, target);
  try {
    rmdirSync(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  symlinkSync(target, path);
  log(`${account.name} cannot reach ${path}: the data are kept in ${target}`);
  return target;
}

async function place(path: string, log: (line: string) => void): Promise<DataFolder> {
  const linked = linkTarget(path);
  const wanted = linked ?? path;
  mkdirSync(dirname(wanted), { recursive: true });
  const present = entries(wanted).length > 0;
  const account = chooseAccount(present ? statSync(wanted) : undefined);
  if (!runsAsRoot()) {
    const folder = claim(account, wanted);
    if (canWriteIn(account, folder)) return { folder, account };
  } else {
    const folder = claim(account, wanted);
    if (canWriteIn(account, folder)) return { folder, account };
    if (!present && linked === undefined) {
      return { folder: await relocate(account, join(realpathSync(dirname(path)), basename(path)), log), account };
    }
  }
  throw new EmbeddedError(
    "DataFolderUnreachable",
    `The data folder ${wanted} cannot be written by ${account.name}.`,
    "Start as the user it belongs to, open the folders above it (chmod o+x), or choose another with TENANTCTL_DATA_DIR.",
  );
}

/** Makes the data folder ready to hold a cluster; throws `DataFolderUnreachable` when it cannot be. */
export async function prepareDataFolder(dataDir: string, log: (line: string) => void): Promise<DataFolder> {
  const path = resolve(dataDir);
  try {
    return await place(path, log);
  } catch (cause) {
    if (cause instanceof EmbeddedError) throw cause;
    throw new EmbeddedError(
      "DataFolderUnreachable",
      `The data folder ${path} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}.`,
      "Start as the user it belongs to, or choose another folder with TENANTCTL_DATA_DIR.",
      { cause },
    );
  }
}
