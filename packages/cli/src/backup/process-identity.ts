import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** Tells one process from every other, also from a later one with the same number. */
export interface ProcessIdentity {
  readonly host: string;
  /** Changes when the machine starts again; empty where the system does not say. */
  readonly bootId: string;
  readonly pid: number;
  /** When the process began, in the system's own words; empty where it does not say. */
  readonly startTime: string;
}

const quietly = (read: () => string): string => {
  try {
    return read().trim();
  } catch {
    return "";
  }
};

const startTimeOf = (pid: number): string => {
  // Behind the name, which may hold blanks and brackets; the 22nd field counts from 1.
  const stat = quietly(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  if (stat !== "") return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  return quietly(() =>
    execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
  );
};

const bootId = (): string => quietly(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"));

export const thisProcess = (): ProcessIdentity => ({
  host: hostname(),
  bootId: bootId(),
  pid: process.pid,
  startTime: startTimeOf(process.pid),
});

const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
};

/** Whether that process still runs; undefined where it is on another machine and cannot be looked at. */
export const isAlive = ({ host, bootId: boot, pid, startTime }: ProcessIdentity): boolean | undefined => {
  if (host !== hostname()) return undefined;
  return boot === bootId() && exists(pid) && startTime === startTimeOf(pid);
};
