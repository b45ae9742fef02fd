import { spawn } from "node:child_process";
import { performance } from "node:perf_hooks";

export interface ProgramOptions {
  /** The whole environment: nothing is inherited. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

export interface Finished {
  readonly seconds: number;
  readonly stdout: string;
}

/** Runs a program to its end, its start included in the time. Throws with all it said unless it leaves with 0. */
export const runProgram = (program: string, args: readonly string[], { env, cwd }: ProgramOptions): Promise<Finished> =>
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
      if (code === 0) resolve({ seconds, stdout: said.stdout });
      else reject(new Error(`${program} ${args.join(" ")} left with ${code}:\n${said.stdout}${said.stderr}`));
    });
  });
