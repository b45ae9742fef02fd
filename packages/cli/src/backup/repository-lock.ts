import { randomUUID } from "node:crypto";
import {
  closeSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { exitCodes } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import { makeFolder } from "../make-folder.ts";
import { onInterrupt } from "../signals.ts";
import { isAlive, type ProcessIdentity, thisProcess } from "./process-identity.ts";
import { localFault } from "./whole-file.ts";

export const lockFile = ".lock";

/** Who writes to a repository. */
export interface LockHolder extends ProcessIdentity {
  readonly since: string;
  /** What it does: `backup`, `prune`. */
  readonly what: string;
  /** The lease it has on the server, so that whoever finds it dead can give that back. */
  readonly lease: string | null;
}

export interface RepositoryLock {
  /** A dead process's lock that this one took the place of. */
  readonly tookOver: LockHolder | undefined;
  /** Writes the lease down beside the lock. */
  note(lease: string): void;
  release(): void;
}

/** How often a holder shows that it lives, and after how long without that a holder on another machine counts as dead. */
const beatMs = 15_000;
const deadMs = 300_000;
/** A lock without content is being written at this moment, or its writer died doing so. */
const emptyMs = 60_000;

const isHolder = (value: unknown): value is LockHolder =>
  typeof value === "object" && value !== null && "host" in value && "pid" in value && "since" in value;

const parsed = (text: string): LockHolder | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return isHolder(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

const codeOf = (cause: unknown): unknown => (cause instanceof Error && "code" in cause ? cause.code : undefined);

const isMissing = (cause: unknown): boolean => codeOf(cause) === "ENOENT";

/** Milliseconds since the lock was last touched, by the clock of the file system that it is on. */
const ageOf = (path: string): number => {
  const probe = `${path}.${randomUUID()}`;
  try {
    closeSync(openSync(probe, "wx", 0o600));
    return statSync(probe).mtimeMs - statSync(path).mtimeMs;
  } finally {
    rmSync(probe, { force: true });
  }
};

const isDead = (path: string, holder: LockHolder | undefined): boolean => {
  const alive = holder === undefined ? undefined : isAlive(holder);
  if (alive !== undefined) return !alive;
  return ageOf(path) > (holder === undefined ? emptyMs : deadMs);
};

const held = (repository: string, path: string, holder: LockHolder | undefined): CliError =>
  new CliError(
    "locked",
    exitCodes.locked,
    holder === undefined
      ? `another tenantctl is locking ${repository}`
      : `another run holds ${repository}: tenantctl ${holder.what}, process ${holder.pid} on ${holder.host}, since ${holder.since}`,
    `Wait for it to end. If no such process is left on that machine, delete ${path}.`,
  );

const isFull = (cause: unknown): boolean => ["ENOSPC", "EDQUOT"].includes(String(codeOf(cause)));

/** What the new file has in it: the text, or nothing where the disk is full and that will do; undefined: there is one. */
const create = (path: string, text: string, emptyWillDo = false): string | undefined => {
  let handle: number;
  try {
    handle = openSync(path, "wx", 0o600);
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return undefined;
    throw cause;
  }
  try {
    writeSync(handle, text);
    return text;
  } catch (cause) {
    if (emptyWillDo && isFull(cause)) return "";
    // Nobody would know whose it is, and that its owner is gone.
    rmSync(path, { force: true });
    throw cause;
  } finally {
    closeSync(handle);
  }
};

/** Moves a dead lock away. Of several that find it dead, one moves it; who moved a fresh one by mistake puts it back. */
const clear = (path: string, judged: string): boolean => {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
    if (readFileSync(aside, "utf8") === judged) return true;
    linkSync(aside, path);
    return false;
  } catch {
    return false;
  } finally {
    rmSync(aside, { force: true });
  }
};

/**
 * Makes this process the only one that writes to the repository. Throws a CliError with exit 11 that names the holder; a
 * holder that died does not hold. `makesRoom`: on a full disk a lock that names nobody does.
 */
export const lockRepository = (
  repository: string,
  what: string,
  { makesRoom = false }: { makesRoom?: boolean } = {},
): RepositoryLock => {
  const path = join(repository, lockFile);
  const self: LockHolder = { ...thisProcess(), since: new Date().toISOString(), what, lease: null };
  let wanted = `${JSON.stringify(self)}\n`;
  let text: string | undefined;
  let tookOver: LockHolder | undefined;
  try {
    makeFolder(repository);
    for (;;) {
      text = create(path, wanted, makesRoom);
      if (text !== undefined) break;
      let found: string;
      try {
        found = readFileSync(path, "utf8");
        const holder = parsed(found);
        if (!isDead(path, holder)) throw held(repository, path, holder);
      } catch (cause) {
        if (isMissing(cause)) continue;
        throw cause;
      }
      if (clear(path, found)) tookOver = parsed(found);
    }
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw localFault(path, cause);
  }
  const isOurs = (): boolean => {
    try {
      return readFileSync(path, "utf8") === text;
    } catch {
      return false;
    }
  };
  const beat = setInterval(() => {
    try {
      // Written, not given a time of this machine's: it is the file system's clock that tells its age.
      if (!isOurs()) return;
      writeFileSync(path, wanted, { flag: "r+" });
      text = wanted;
    } catch {
      // The next one may succeed; on this machine the process itself is looked at.
    }
  }, beatMs);
  beat.unref();
  const release = (): void => {
    clearInterval(beat);
    takeBack();
    if (isOurs()) rmSync(path, { force: true });
  };
  const takeBack = onInterrupt(release);
  return {
    tookOver,
    note: (lease) => {
      const next = `${JSON.stringify({ ...self, lease })}\n`;
      const draft = `${path}.${randomUUID()}`;
      try {
        if (create(draft, next) === undefined) return;
        renameSync(draft, path);
        text = next;
        wanted = next;
      } catch (cause) {
        rmSync(draft, { force: true });
        throw localFault(path, cause);
      }
    },
    release,
  };
};
