import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type Account, giveTo, processOptions } from "./account.ts";
import { EmbeddedError } from "./embedded-error.ts";
import type { Installation } from "./installation.ts";
import { settingArguments } from "./settings.ts";
import { waitUntil } from "./wait-until.ts";

/** Recovery after a crash may take long; it ends sooner with the server, ready or gone. */
const readyDeadlineMs = 10 * 60_000;
const logLimitBytes = 10 * 1024 * 1024;

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** Resolves when the process has ended, with its exit code or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : undefined));
    });
  });
}

function isReady(data: string, pid: number): boolean {
  try {
    const lines = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
    return Number(lines[0]) === pid && lines[7]?.trim() === "ready";
  } catch {
    return false;
  }
}

/** What PostgreSQL wrote last that tells why it ended (else just its last line), for an error message. */
export function lastWords(logFile: string): string {
  const lines = readFileSync(logFile, "utf8").trim().split("\n").slice(-50);
  const grave = lines.findLast((line) => /\b(FATAL|PANIC): /.test(line)) ?? lines.at(-1) ?? "";
  return grave.replace(/^.*\b(FATAL|PANIC): +/, "").trim();
}

function openLog(account: Account, logFile: string): number {
  try {
    if (statSync(logFile).size > logLimitBytes) renameSync(logFile, `${logFile}.1`);
  } catch {
    // No log yet.
  }
  const log = openSync(logFile, "a", 0o600);
  giveTo(account, logFile);
  return log;
}

function spawnServer(command: string, args: string[], account: Account, log: number): ChildProcess {
  // A process group of its own: Ctrl-C in the terminal reaches us, and we stop the server when our work is done.
  return spawn(command, args, { ...processOptions(account), detached: true, stdio: ["ignore", log, log] });
}

/** Starts the server on a free port of 127.0.0.1 and answers when it takes connections; throws `StartFailed`. */
export async function startPostmaster(options: {
  account: Account;
  installation: Installation;
  folder: string;
  durable: boolean;
}): Promise<Postmaster> {
  const data = join(options.folder, "data");
  const logFile = join(options.folder, "postgres.log");
  for (let attempt = 1; ; attempt++) {
    const port = await tryPort(0);
    if (port === undefined) {
      throw new EmbeddedError("StartFailed", "No free port on 127.0.0.1.", "Check that the loopback interface is up.");
    }
    const log = openLog(options.account, logFile);
    const command = join(options.installation.folder, "bin", "postgres");
    const child = spawnServer(command, ["-D", data, ...settingArguments(port, options.durable)], options.account, log);
    closeSync(log);
    let over = false;
    const ended = new Promise<number | NodeJS.Signals>((resolve) => {
      const end = (how: number | NodeJS.Signals) => {
        over = true;
        resolve(how);
      };
      child.once("error", () => end(127));
      child.once("exit", (code, signal) => end(code ?? signal ?? 1));
    });
    const { pid } = child;
    if (pid !== undefined) {
      await waitUntil(() => over || isReady(data, pid), readyDeadlineMs);
      if (!over && isReady(data, pid)) return { pid, port, ended };
    }
    if (!over) child.kill("SIGQUIT");
    await ended;
    // Between our look and the server's start another program may take the port: only then another try helps.
    if (attempt < 5 && (await tryPort(port)) === undefined) continue;
    throw new EmbeddedError(
      "StartFailed",
      `PostgreSQL did not start: ${lastWords(logFile)}`,
      `Its log is ${logFile}. The data are untouched: mend the cause and start again.`,
    );
  }
}
