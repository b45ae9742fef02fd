import type { Serving } from "./api-process.ts";
import type { LoadJob, LoadResult } from "./load/job.ts";
import { loadServed } from "./load/load.ts";
import { added, backendSeconds, processorSeconds } from "./process-figures.ts";

/** A turn of load on one server, with what it took of the processors. */
export interface LoadedTurn extends LoadResult {
  /** Microseconds of processor time per answer: of the server, and of PostgreSQL's backends. */
  readonly serverMicroseconds: number;
  readonly postgresMicroseconds: number;
}

/** Drives load at a server whose PostgreSQL serves nobody else meanwhile. */
export const loadedTurn = async (
  { url, pid }: Pick<Serving, "url" | "pid">,
  postmaster: number,
  job: Omit<LoadJob, "url" | "connections">,
): Promise<LoadedTurn> => {
  const before = [processorSeconds(pid), backendSeconds(postmaster)] as const;
  const result = await loadServed({ ...job, url, connections: 16 });
  const each = (seconds: number): number => (seconds * 1e6) / result.answers;
  return {
    ...result,
    serverMicroseconds: each(processorSeconds(pid) - before[0]),
    postgresMicroseconds: each(added(before[1], backendSeconds(postmaster))),
  };
};
