import { spawn } from "node:child_process";
import { observe, type ProcessOptions, type TestProcess } from "./process.ts";

/** Keys as a terminal sends them. */
export const keys = { ctrlC: "\x03", ctrlD: "\x04", enter: "\r", escape: "\x1b", up: "\x1b[A", down: "\x1b[B" };

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

export interface PtyOptions extends Omit<ProcessOptions, "input"> {
  readonly columns?: number;
  readonly rows?: number;
}

/**
 * Runs a command in a pseudo-terminal (made by the system's `script`), 120 × 40 unless told otherwise. `write` sends
 * keys, so Ctrl-C reaches the whole foreground group as it does from a keyboard; stdout and stderr arrive as one, in
 * `stdout()`. The exit code is the command's own, 128 + n for one ended by signal n.
 */
export function startInPty(command: string, args: readonly string[], options: PtyOptions = {}): TestProcess {
  const size = `stty rows ${options.rows ?? 40} cols ${options.columns ?? 120}`;
  const line = `${size}; exec ${[command, ...args].map(quote).join(" ")}`;
  const scriptArgs =
    process.platform === "darwin" ? ["-q", "/dev/null", "/bin/sh", "-c", line] : ["-qefc", line, "/dev/null"];
  const env = { TERM: "xterm-256color", PATH: "/usr/local/bin:/usr/bin:/bin", ...(options.env ?? process.env) };
  const child = spawn("/usr/bin/script", scriptArgs, {
    env: { ...env, SHELL: "/bin/sh" },
    cwd: options.cwd,
    detached: options.detached ?? false,
    stdio: "pipe",
  });
  return observe(child);
}
