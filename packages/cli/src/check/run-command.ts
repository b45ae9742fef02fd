import { type CheckCadence, type CheckRun, exitCodes, timeLimit } from "@tenantctl/contract";
import { type Invocation, textFlag } from "../invocation.ts";
import { hasProblem } from "../output/check-items.ts";
import { cleanLine } from "../output/clean.ts";
import { reportTarget, writeReport } from "../report/write-report.ts";
import { printRun } from "./print-run.ts";
import { tryGuide } from "./try-guide.ts";

/** A checklist of a large system takes its time; each of its checks is bounded on the server. */
const patienceMs = 300_000;

/** Runs a checklist, shows what it found, and exits with 10 where that is a problem. */
export const runChecklist = async (cadence: CheckCadence, invocation: Invocation): Promise<number> => {
  const { out, flags } = invocation;
  // Before anything is run: a report that can't be written should cost nothing.
  const target = await reportTarget(textFlag(flags, "report"));
  const api = await invocation.api();
  const documentation = cadence === "weekly" ? await tryGuide(api) : undefined;
  const body = { cadence, ...(documentation === undefined ? {} : { documentation }) };
  const { text } = await api.text("checks.run", { body }, { signal: timeLimit(patienceMs), timeoutMs: patienceMs });
  const run: CheckRun = JSON.parse(text);
  await printRun(invocation, text);
  if (target !== undefined) {
    await writeReport(target, run, api.target.url);
    out.note(cleanLine(`the report is in ${target.path}.`));
  }
  out.note(`kept. When you have looked at it: tenantctl check sign-off ${run.id}`);
  return hasProblem(run.items) ? exitCodes.problemFound : exitCodes.done;
};
