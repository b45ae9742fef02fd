import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** The script of this checkout's tenantctl. */
export const tenantctl = fileURLToPath(new URL("../../cli/bin/tenantctl.js", import.meta.url));

const startSeconds = 60;

/** A running program of the bench. */
export interface Serving {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** The address that a program says it serves, from the file that it writes to. */
const listening = async (program: ChildProcess, logFile: string): Promise<string> => {
  const deadline = Date.now() + startSeconds * 1000;
  for (;;) {
    const said = readFileSync(logFile, "utf8");
    const url = /serving (http:\S+)/.exec(said)?.[1];
    if (url !== undefined) return url;
    if (program.exitCode !== null || program.signalCode !== null || Date.now() > deadline)
      throw new Error(`it did not start:\n${said}`);
    await setTimeout(50);
  }
};

/** Starts a server that prints `serving <url>`. Its output goes to a file, as a service's does: nobody reads along. */
export const startServing = async (
  args: readonly string[],
  { folder, name, env }: { folder: string; name: string; env: NodeJS.ProcessEnv },
): Promise<Serving> => {
  const logFile = join(folder, `${name}.log`);
  const log = openSync(logFile, "w");
  const program = spawn(process.execPath, [...args], {
    cwd: folder,
    stdio: ["ignore", log, log],
    env: { PATH: process.env.PATH, HOME: folder, NODE_ENV: "production", ...env },
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    program.once("close", () => resolve());
    program.once("error", () => resolve());
  });
  const stop = async (): Promise<void> => {
    program.kill("SIGTERM");
    await ended;
  };
  try {
    return { url: await listening(program, logFile), pid: program.pid ?? 0, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
