import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitCodes } from "@tenantctl/contract";
import type { ScratchDatabase } from "@tenantctl/database";
import { CliError, usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { onFarewell, onInterrupt } from "../signals.ts";
import { isAlive, type ProcessIdentity, thisProcess } from "./process-identity.ts";

const prefix = "tenantctl-drill-";
const ownerFile = "owner.json";

/** A database for drills that ends with the command. */
export interface Scratch {
  readonly database: ScratchDatabase;
  /** `PostgreSQL 18.4, thrown away afterwards` */
  readonly says: string;
  close(): Promise<void>;
}

const isRefusal = (error: unknown): error is Error & { code: string; hint: string } =>
  error instanceof Error && "code" in error && typeof error.code === "string" && "hint" in error;

const exits: Readonly<Record<string, number>> = {
  scratch_in_use: exitCodes.conflict,
  scratch_unreachable: exitCodes.unreachable,
};

/** A refusal as the command line says it. */
export const scratchFault = (error: unknown): unknown =>
  isRefusal(error) && !(error instanceof CliError)
    ? new CliError(error.code, exits[error.code] ?? exitCodes.unexpected, error.message, String(error.hint))
    : error;

/** What a drill that was killed has left: without its folder its PostgreSQL ends by itself within a minute. */
const clearDeadOnes = (): void => {
  for (const name of readdirSync(tmpdir()).filter((found) => found.startsWith(prefix))) {
    const path = join(tmpdir(), name);
    try {
      const owner: ProcessIdentity = JSON.parse(readFileSync(join(path, ownerFile), "utf8"));
      if (isAlive(owner) === false) rmSync(path, { recursive: true, force: true });
    } catch {
      // Another's, or being made at this moment.
    }
  }
};

const embedded = async (): Promise<Scratch> => {
  const [{ startEmbedded }, { openScratch }] = await Promise.all([
    import("@tenantctl/database/embedded"),
    import("@tenantctl/database"),
  ]);
  clearDeadOnes();
  const folder = mkdtempSync(join(tmpdir(), prefix));
  // Open to PostgreSQL's own user, where root runs this; what is in it is its own.
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, ownerFile), JSON.stringify(thisProcess()));
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  const keepTidy = onInterrupt(remove);
  try {
    const postgres = await startEmbedded({ dataDir: join(folder, "postgres"), durable: false });
    const takeBack = onFarewell(postgres.stop);
    const end = async (): Promise<void> => {
      takeBack();
      await postgres.stop();
      keepTidy();
      remove();
    };
    try {
      const database = await openScratch(postgres.url);
      const close = async (): Promise<void> => {
        await database.close();
        await end();
      };
      return { database, says: `a throwaway PostgreSQL ${postgres.version}`, close };
    } catch (error) {
      await end();
      throw error;
    }
  } catch (error) {
    keepTidy();
    remove();
    throw error;
  }
};

const checked = (text: string, source: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol))
    throw usage(`${source} is not the address of a PostgreSQL`, "Write it like postgresql://user@host/drill.");
  return text;
};

const urlOf = async ({ flags }: Invocation): Promise<string | undefined> => {
  const url = textFlag(flags, "scratchUrl");
  const file = textFlag(flags, "scratchUrlFile");
  if (url !== undefined && file !== undefined) throw usage("--scratch-url and --scratch-url-file exclude each other");
  if (file !== undefined) {
    const text = await readFile(file, "utf8").catch((cause: unknown) => {
      throw usage(`--scratch-url-file: cannot read ${file}: ${cause instanceof Error ? cause.message : cause}`);
    });
    return checked(text.trim(), "--scratch-url-file");
  }
  if (url === undefined) return undefined;
  if (new URL(checked(url, "--scratch-url")).password !== "")
    throw usage(
      "--scratch-url carries a password, and arguments can be read by everybody on this machine",
      "Put the address into a file: --scratch-url-file.",
    );
  return url;
};

/** The database that --scratch-url names, or an embedded PostgreSQL in a folder that is removed afterwards. */
export const openScratchFor = async (invocation: Invocation): Promise<Scratch> => {
  const url = await urlOf(invocation);
  try {
    if (url === undefined) return await embedded();
    const { openScratch } = await import("@tenantctl/database");
    const database = await openScratch(url);
    return { database, says: `the database ${new URL(url).pathname.slice(1)}`, close: database.close };
  } catch (error) {
    throw scratchFault(error);
  }
};
