import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, rmSync, writeFileSync } from "node:fs";
import { errnoOf } from "./embedded-error.ts";

/** The operating-system user PostgreSQL runs as; `ids` is set only where we are root and step down to it. */
export interface Account {
  readonly name: string;
  readonly ids?: { readonly uid: number; readonly gid: number };
}

export const runsAsRoot = (): boolean => process.getuid?.() === 0;

function idsOf(name: string): { uid: number; gid: number } | undefined {
  try {
    const id = (flag: string): number =>
      Number(execFileSync("/usr/bin/id", [flag, name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    return undefined;
  }
}

/**
 * PostgreSQL refuses to run as root. Root steps down to the owner of data that already exist, else to the user
 * `postgres`, else to `nobody`. An ordinary user stays what it is.
 */
export function chooseAccount(existingOwner?: { uid: number; gid: number }): Account {
  if (!runsAsRoot()) return { name: "you" };
  if (existingOwner !== undefined && existingOwner.uid !== 0) {
    return { name: `uid ${existingOwner.uid}`, ids: { uid: existingOwner.uid, gid: existingOwner.gid } };
  }
  for (const name of ["postgres", "nobody"]) {
    const ids = idsOf(name);
    if (ids !== undefined) return { name, ids };
  }
  return { name: "nobody", ids: { uid: 65534, gid: 65534 } };
}

/** What every PostgreSQL process gets: its user, a folder that user can be in, and an environment that holds nothing of ours. */
export function processOptions(account: Account) {
  return {
    ...account.ids,
    cwd: "/",
    env: { PATH: process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin", TZ: "UTC", LC_ALL: "C" },
  };
}

/** Whether the account can enter and write the folder, asked of the kernel so that access lists count too. */
export function canWriteIn(account: Account, folder: string): boolean {
  const test = spawnSync("/bin/sh", ["-c", 'test -x "$1" && test -w "$1"', "sh", folder], processOptions(account));
  return test.status === 0;
}

export function giveTo(account: Account, path: string): void {
  if (account.ids !== undefined) chownSync(path, account.ids.uid, account.ids.gid);
}

/** Writes a file only the account can read; an existing one is replaced. */
export function writePrivateFile(account: Account, path: string, content: string): void {
  rmSync(path, { force: true });
  try {
    writeFileSync(path, content, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    throw new Error(`${path} was written by another process at the same time`, { cause: error });
  }
  giveTo(account, path);
}
