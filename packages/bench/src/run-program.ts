import { spawn } from "node:child_process";
import { performance } from "node:perf_hooks";

export interface ProgramOptions {
  /** The whole environment: nothing is inherited. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Exit codes that are no failure; 0 alone unless said. */
  readonly exits?: readonly number[];
}

export interface Finished {
  readonly seconds: number;
  readonly stdout: string;
}

/** Runs a program to its end, its start included in the time. Throws with all it said where it fails. */
export const runProgram = (
  program: string,
  args: readonly string[],
  { env, cwd, exits = [0] }: ProgramOptions,
): Promise<Finished> =>
  new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(program, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8");
      child[stream].on("data", (text: string) => {
        said[stream] += text;
      });
    }
    child.once("error", reject);
    child.once("close", (code) => {
      const seconds = (performance.now() - started) / 1000;
      if (code !== null && exits.includes(code)) resolve({ seconds, stdout: said.stdout });
      else reject(new Error(`${program} ${args.join(" ")} left with ${code}:\n${said.stdout}${said.stderr}`));
    });
  });
