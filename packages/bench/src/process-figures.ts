import { readdirSync, readFileSync } from "node:fs";

/** Linux counts processor time in hundredths of a second, whatever the kernel's own clock. */
const ticksPerSecond = 100;

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // it has ended, or this is not Linux
  }
};

/** The fields of /proc/PID/stat behind the program's name, which may hold blanks. */
const statOf = (pid: number | string): string[] | undefined => {
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
};

const secondsIn = (stat: readonly string[] | undefined): number =>
  stat === undefined ? 0 : (Number(stat[11]) + Number(stat[12])) / ticksPerSecond;

/** Processor time of a process so far, in seconds. */
export const processorSeconds = (pid: number): number => secondsIn(statOf(pid));

/** A backend that serves a connection names its client's address and port; PostgreSQL's own workers do not. */
const servesClient = (pid: string): boolean => /\(\d+\)/.test(read(`/proc/${pid}/cmdline`) ?? "");

/** Processor time so far of each backend that serves a connection, in seconds by its pid. */
export const backendSeconds = (postmaster: number): ReadonlyMap<string, number> =>
  new Map(
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => [pid, statOf(pid)] as const)
      .filter(([pid, stat]) => stat?.[1] === String(postmaster) && servesClient(pid))
      .map(([pid, stat]) => [pid, secondsIn(stat)]),
  );

/** What was added from one look to the other, by backends that still live. */
export const added = (before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): number =>
  [...after].reduce((sum, [pid, seconds]) => sum + seconds - (before.get(pid) ?? 0), 0);

const mebibytes = (pid: number, field: string): number | undefined => {
  const text = new RegExp(`${field}:\\s+(\\d+) kB`).exec(read(`/proc/${pid}/status`) ?? "")?.[1];
  return text === undefined ? undefined : Number(text) / 1024;
};

/** The most memory that a process has had so far, in MiB; undefined where the system does not tell. */
export const peakMemory = (pid: number): number | undefined => mebibytes(pid, "VmHWM");

/** The memory that a process has now, in MiB. */
export const residentMemory = (pid: number): number | undefined => mebibytes(pid, "VmRSS");
