import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** One process, from /proc where there is one, else from ps; undefined when it is gone. */
const look = (pid: number): Process | undefined => {
  try {
    if (process.platform === "linux") {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === "Z") return undefined;
      return {
        pid,
        parent: Number(parent),
        command: readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "),
      };
    }
    const line = execFileSync("ps", ["-o", "ppid=,command=", "-p", String(pid)], { encoding: "utf8" }).trim();
    const [, parent, command] = /^(\d+)\s+(.*)$/s.exec(line) ?? [];
    return parent === undefined ? undefined : { pid, parent: Number(parent), command: command ?? "" };
  } catch {
    return undefined;
  }
};

/** The processes between the user's shell and this one: `npx`, `pnpm` and the shells that they start scripts with. */
const launchers = (): Process[] => {
  if (process.env.npm_lifecycle_event === undefined) return [];
  const found: Process[] = [];
  for (let next = look(process.ppid); next !== undefined && next.pid > 1; next = look(next.parent)) {
    const isScriptShell = /^(\/\S*\/)?(ba|da|z)?sh -c /.test(next.command) && /pnpm|tenantctl/.test(next.command);
    const isLauncher = /\b(npx|pnpm|npm)\b/.test(next.command);
    if (!isScriptShell && !isLauncher) break;
    found.push(next);
  }
  return found;
};

/**
 * Calls back when one of the launchers is gone: a killed `npx` or `pnpm` would leave this server running unseen, with
 * the port taken. Returns a function that stops watching.
 */
export const onLauncherGone = (callback: (what: string) => void): (() => void) => {
  const watched = launchers();
  if (watched.length === 0) return () => {};
  const timer = setInterval(() => {
    const gone = watched.find(({ pid, command }) => look(pid)?.command !== command);
    if (gone === undefined) return;
    clearInterval(timer);
    callback(gone.command.trim().split(" ").slice(0, 3).join(" "));
  }, 500);
  timer.unref();
  return () => clearInterval(timer);
};
