import { linkSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Account, writePrivateFile } from "./account.ts";
import { EmbeddedError, errnoOf } from "./embedded-error.ts";
import { processIdentity } from "./process-table.ts";

const lockName = /^owner\.(\d+)\.lock$/;

function generations(folder: string): number[] {
  return readdirSync(folder)
    .map((name) => Number(lockName.exec(name)?.[1] ?? Number.NaN))
    .filter((generation) => !Number.isNaN(generation))
    .sort((a, b) => a - b);
}

/** The process that holds the folder, or undefined when nobody does or its holder has died. */
export function liveOwner(folder: string): number | undefined {
  const newest = generations(folder).at(-1);
  if (newest === undefined) return undefined;
  try {
    const [pid, identity] = readFileSync(join(folder, `owner.${newest}.lock`), "utf8")
      .trim()
      .split(" ");
    return identity !== undefined && processIdentity(Number(pid)) === identity ? Number(pid) : undefined;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Takes the folder for this process, or throws `DataFolderInUse`. A dead owner does not hold it, and of several
 * processes that find a dead owner exactly one wins: each tries to create the same next numbered file.
 */
export function acquireOwnerLock(account: Account, folder: string): { release(): void } {
  const identity = processIdentity(process.pid) ?? "unknown";
  const draft = join(folder, `.owner.${process.pid}.draft`);
  for (;;) {
    const owner = liveOwner(folder);
    if (owner !== undefined) {
      throw new EmbeddedError(
        "DataFolderInUse",
        `The data folder ${folder} is in use by another start (process ${owner}).`,
        `Use the one that runs, stop it (kill ${owner}), or give this one a folder of its own with TENANTCTL_DATA_DIR.`,
      );
    }
    const next = (generations(folder).at(-1) ?? 0) + 1;
    const path = join(folder, `owner.${next}.lock`);
    try {
      writePrivateFile(account, draft, `${process.pid} ${identity}\n`);
      linkSync(draft, path);
    } catch (error) {
      if (errnoOf(error) === "EEXIST") continue;
      throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    const others = generations(folder).filter((generation) => generation !== next);
    // A slow starter can re-create a number that a quicker one has already passed.
    if (others.some((generation) => generation > next)) {
      rmSync(path, { force: true });
      continue;
    }
    for (const old of others) rmSync(join(folder, `owner.${old}.lock`), { force: true });
    return { release: () => rmSync(path, { force: true }) };
  }
}
