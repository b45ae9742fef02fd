import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { LoadJob, LoadResult } from "./job.ts";

const program = fileURLToPath(new URL("./load/load-process.js", import.meta.url));

/** Drives load by a process of its own, and gives what came of it, whatever the answers were. */
export const load = async (job: LoadJob): Promise<LoadResult> => {
  const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  child.stdin.end(JSON.stringify(job));
  const said = await text(child.stdout);
  const code = await ended;
  if (code !== 0) throw new Error(`the load left with ${code}`);
  return JSON.parse(said) as LoadResult;
};

/** The same, where every answer has to be a success. */
export const loadServed = async (job: LoadJob): Promise<LoadResult> => {
  const result = await load(job);
  const refused = Object.entries(result.statuses).filter(([status]) => !status.startsWith("2"));
  if (result.answers === 0 || result.errors > 0 || refused.length > 0)
    throw new Error(`${job.url} did not serve everything: ${JSON.stringify(result)}`);
  return result;
};
