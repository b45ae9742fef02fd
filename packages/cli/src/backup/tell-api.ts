import type { Invocation } from "../invocation.ts";
import { failureOf } from "../report-error.ts";
import { type RunReport, reportRun } from "./report-run.ts";

/** Reports runs of a command that works without the API too: without a login nothing is said, otherwise a failure is. */
export const tellApi = async (invocation: Invocation, reports: readonly RunReport[]): Promise<void> => {
  const { out } = invocation;
  try {
    const api = await invocation.api();
    if (api.login === "none") return;
    for (const report of reports) await reportRun(api, report, out.note);
  } catch (error) {
    out.note(`the API was not told: ${failureOf(error).detail}`);
  }
};
