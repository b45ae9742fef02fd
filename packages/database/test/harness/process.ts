import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const cli = fileURLToPath(new URL("../../../cli/bin/tenantctl.js", import.meta.url));

export interface ProcessOptions {
  /** The whole environment: nothing is inherited. Default: this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Written to standard input, which is then closed. Without it, standard input is empty. */
  readonly input?: string;
  /** A process group of its own, so that `killGroup` reaches its children as well. */
  readonly detached?: boolean;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestProcess {
  readonly pid: number;
  readonly exit: Promise<Exit>;
  /** What it has written so far. */
  stdout(): string;
  stderr(): string;
  /** The first match in stdout or stderr; fails with all output when it ends, or `timeoutMs` passes, before. */
  waitFor(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray>;
  /** Writes to standard input (pseudo-terminals only: elsewhere it is closed). */
  write(text: string): void;
  kill(signal?: NodeJS.Signals): void;
  killGroup(signal?: NodeJS.Signals): void;
}

/** Collects a child's output and waits on it. */
export function observe(child: ChildProcess): TestProcess {
  const { pid } = child;
  if (pid === undefined) throw new Error(`the process did not start: ${child.spawnfile}`);
  const text = { stdout: "", stderr: "" };
  const watchers = new Set<() => void>();
  const notify = () => {
    for (const watcher of watchers) watcher();
  };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.setEncoding("utf8").on("data", (chunk: string) => {
      text[stream] += chunk;
      notify();
    });
  }
  let over = false;
  const exit = new Promise<Exit>((resolve) => {
    child.once("close", (code, signal) => {
      over = true;
      notify();
      resolve({ code, signal, ...text });
    });
  });
  child.stdin?.on("error", () => {}); // The process may end before it has read everything.
  return {
    pid,
    exit,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    waitFor: (pattern, timeoutMs = 30_000) =>
      new Promise((resolve, reject) => {
        const finish = (settle: () => void) => {
          clearTimeout(timer);
          watchers.delete(look);
          settle();
        };
        const fail = (why: string) => {
          const said = `--- stdout\n${text.stdout}\n--- stderr\n${text.stderr}`;
          finish(() => reject(new Error(`${pattern} not seen: ${why}\n${said}`)));
        };
        const look = () => {
          const match = text.stdout.match(pattern) ?? text.stderr.match(pattern);
          if (match !== null) finish(() => resolve(match));
          else if (over) fail("the process ended");
        };
        const timer = setTimeout(() => fail(`${timeoutMs} ms passed`), timeoutMs);
        watchers.add(look);
        look();
      }),
    write: (keys) => child.stdin?.write(keys),
    kill: (signal = "SIGTERM") => child.kill(signal),
    killGroup: (signal = "SIGTERM") => process.kill(-pid, signal),
  };
}

/** Starts a program without a shell. */
export function startProcess(command: string, args: readonly string[], options: ProcessOptions = {}): TestProcess {
  const child = spawn(command, args, {
    env: options.env ?? process.env,
    cwd: options.cwd,
    detached: options.detached ?? false,
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  const started = observe(child);
  if (options.input !== undefined) child.stdin?.end(options.input);
  return started;
}

/** Starts node with the same executable that runs the tests, wherever it lies. */
export function startNode(args: readonly string[], options: ProcessOptions = {}): TestProcess {
  return startProcess(process.execPath, args, options);
}

/** Starts the built tenantctl. */
export function startCli(args: readonly string[], options: ProcessOptions = {}): TestProcess {
  return startNode([cli, ...args], options);
}

/** Runs the built tenantctl to its end. */
export function runCli(args: readonly string[], options: ProcessOptions = {}): Promise<Exit> {
  return startCli(args, options).exit;
}
