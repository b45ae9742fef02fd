import { promises as fs } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { exitCodes } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import { makeFolder } from "../make-folder.ts";
import { onInterrupt } from "../signals.ts";

/** A holder that has not finished after this long is gone: what is done under the lock takes seconds. */
const staleMs = 60_000;

const holder = (): string => JSON.stringify({ pid: process.pid, host: hostname() });

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
};

const isStale = async (path: string): Promise<boolean> => {
  const info = await fs.stat(path).catch(() => undefined);
  if (info === undefined) return false;
  if (Date.now() - info.mtimeMs > staleMs) return true;
  try {
    const { pid, host }: { pid?: unknown; host?: unknown } = JSON.parse(await fs.readFile(path, "utf8"));
    return typeof pid === "number" && host === hostname() && !isAlive(pid);
  } catch {
    // Created a moment ago and not yet written.
    return false;
  }
};

const tryLock = async (path: string): Promise<boolean> => {
  try {
    const file = await fs.open(path, "wx", 0o600);
    await file.writeFile(holder());
    await file.close();
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
};

/**
 * Does `work` while no other process does work under the same lock file. A holder that died is passed over. Gives up
 * after `patienceMs` with exit 11.
 */
export const withLock = async <T>(path: string, work: () => Promise<T>, patienceMs = 30_000): Promise<T> => {
  try {
    makeFolder(dirname(path));
  } catch (cause) {
    throw new CliError(
      "config_unwritable",
      exitCodes.unexpected,
      `cannot write ${path}: ${cause instanceof Error ? cause.message : cause}`,
      "Set TENANTCTL_CONFIG_DIR to a folder that you can write to.",
    );
  }
  const deadline = Date.now() + patienceMs;
  while (!(await tryLock(path))) {
    if (await isStale(path)) {
      // Moved away first: of several that find it stale, one gets it, and a fresh lock is never deleted unseen.
      const aside = `${path}.${crypto.randomUUID()}`;
      await fs.rename(path, aside).catch(() => undefined);
      await fs.rm(aside, { force: true });
      continue;
    }
    if (Date.now() > deadline)
      throw new CliError(
        "locked",
        exitCodes.locked,
        `another tenantctl holds ${path}`,
        "Wait for it to finish; if none runs, delete that file.",
      );
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 30));
  }
  const release = (): Promise<void> => fs.rm(path, { force: true });
  const takeBack = onInterrupt(() => void release());
  try {
    return await work();
  } finally {
    takeBack();
    await release();
  }
};
