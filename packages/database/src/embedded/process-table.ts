import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const onLinux = process.platform === "linux";
let bootId: string | undefined;

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function ps(...args: string[]): string | undefined {
  return attempt(() => execFileSync("/bin/ps", args, { encoding: "utf8", env: { LC_ALL: "C", TZ: "UTC" } }));
}

/**
 * What tells this process from a later one with the same number: boot and start time. Undefined when no such process
 * runs; one that has ended but was not waited for counts as not running.
 */
export function processIdentity(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (!onLinux) {
    const line = ps("-o", "stat=,lstart=", "-p", String(pid))?.trim();
    return line === undefined || line === "" || line.startsWith("Z")
      ? undefined
      : line.replace(/^\S+\s+/, "").replaceAll(/\s+/g, "_");
  }
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  if (stat === undefined) return undefined;
  // The command name stands in brackets and may hold anything, so count fields from its end: state is 3rd, start time 22nd.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  bootId ??= attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()) ?? "";
  return `${bootId}:${fields[19]}`;
}

/** The PostgreSQL processes (servers, their children, initdb) that work in this data folder. `folder` is a real path. */
export function serversIn(folder: string): number[] {
  if (!onLinux) {
    const lines = ps("-axo", "pid=,command=")?.split("\n") ?? [];
    return lines
      .filter((line) => /\/(postgres|initdb) /.test(line) && line.includes(` -D ${folder}`))
      .map((line) => Number.parseInt(line, 10));
  }
  return (attempt(() => readdirSync("/proc")) ?? []).map(Number).filter((pid) => {
    if (!Number.isInteger(pid)) return false;
    const name = attempt(() => readFileSync(`/proc/${pid}/comm`, "utf8").trim());
    if (name !== "postgres" && name !== "initdb") return false;
    if (attempt(() => readlinkSync(`/proc/${pid}/cwd`)) === folder) return true;
    return (attempt(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")) ?? "").split("\0").includes(folder);
  });
}
