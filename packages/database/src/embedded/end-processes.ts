import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { processIdentity, serversIn } from "./process-table.ts";
import { waitUntil } from "./wait-until.ts";

type Step = readonly [signal: NodeJS.Signals, deadlineMs: number];

/** Fast shutdown (ends sessions, writes a checkpoint); then immediate (recovers at the next start); then the kernel's way. */
export const orderedStop: readonly Step[] = [
  ["SIGINT", 30_000],
  ["SIGQUIT", 5_000],
  ["SIGKILL", 5_000],
];

/** For processes whose server is gone: nothing is left for them to finish. */
const abandon: readonly Step[] = orderedStop.slice(1);

/** Sends each signal in turn until the process has ended; answers whether it has. A number taken over by a new process is left alone. */
export async function endProcess(pid: number, steps: readonly Step[]): Promise<boolean> {
  const identity = processIdentity(pid);
  const ended = () => identity === undefined || processIdentity(pid) !== identity;
  for (const [signal, deadlineMs] of steps) {
    if (ended()) return true;
    try {
      process.kill(pid, signal);
    } catch {
      // It ended between the two lines, or belongs to somebody else: the wait below tells which.
    }
    if (await waitUntil(ended, deadlineMs)) return true;
  }
  return ended();
}

/** The process number in a data folder's postmaster.pid, or undefined. */
export function recordedServer(data: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(join(data, "postmaster.pid"), "utf8"), 10);
  } catch {
    return undefined;
  }
}

/**
 * PostgreSQL refuses to start while the number in postmaster.pid is taken: after a reboot or in a container by another
 * program, after a kill by a dead server that nobody has waited for. Neither serves this folder, so the file goes.
 */
function forgetDeadServer(data: string): void {
  const pid = recordedServer(data);
  if (pid === undefined || serversIn(data).includes(pid)) return;
  rmSync(join(data, "postmaster.pid"), { force: true });
}

/** Ends what an earlier start left running in this data folder: a whole server in order, stray children at once. Answers how many. */
export async function endLeftovers(data: string): Promise<number> {
  const before = serversIn(data);
  const server = recordedServer(data);
  if (server !== undefined && before.includes(server)) await endProcess(server, orderedStop);
  await Promise.all(serversIn(data).map((pid) => endProcess(pid, abandon)));
  forgetDeadServer(data);
  return before.length;
}
