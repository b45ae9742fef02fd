import { type CheckRun, exitCodes, type ResultOf, type Routes } from "@tenantctl/contract";
import { isUuid } from "../arguments/lookup.ts";
import { CliError, usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { timeText } from "../output/cell.ts";
import { cleanLine } from "../output/clean.ts";
import { quoted } from "../output/output.ts";
import { reportTarget, writeReport } from "../report/write-report.ts";
import type { Api } from "../session/api.ts";
import { printRun } from "./print-run.ts";

type SignedOff = ResultOf<Routes["checks.signOff"]>;

/** The run that is named, or the newest: of those that nobody has signed off, where `unsigned` says so. */
const idOf = async (api: Api, [named]: readonly string[], unsigned: boolean): Promise<string> => {
  if (named !== undefined) {
    if (!isUuid(named)) throw usage(`${quoted(named)} is not a run's id`, "`tenantctl check history` lists them.");
    return named;
  }
  const [newest] = await api.call("checks.list", { query: { limit: 1, ...(unsigned ? { unsigned } : {}) } });
  if (newest === undefined)
    throw new CliError(
      "not_found",
      exitCodes.notFound,
      unsigned ? "there is no run of a checklist that waits for somebody to look" : "no checklist was run yet",
      "Run one: tenantctl check daily",
    );
  return newest.id;
};

/** Shows a run again, and writes its report where one is asked for. */
export const showRun = async (invocation: Invocation): Promise<number> => {
  const target = await reportTarget(textFlag(invocation.flags, "report"));
  const api = await invocation.api();
  const { text } = await api.text("checks.get", { params: { id: await idOf(api, invocation.args, false) } });
  await printRun(invocation, text);
  if (target !== undefined) {
    const run: CheckRun = JSON.parse(text);
    await writeReport(target, run, api.target.url);
    invocation.out.note(cleanLine(`the report is in ${target.path}.`));
  }
  return exitCodes.done;
};

/** Records who looked at a run. */
export const signOff = async (invocation: Invocation): Promise<number> => {
  const { out, flags, settings } = invocation;
  const api = await invocation.api();
  const note = textFlag(flags, "note");
  const params = { id: await idOf(api, invocation.args, true) };
  const { text } = await api.text("checks.signOff", { params, body: note === undefined ? {} : { note } });
  const run: SignedOff = JSON.parse(text);
  if (settings.output !== "table") await printRun(invocation, text);
  const when = run.signedOffAt === null ? "" : ` at ${timeText(run.signedOffAt)} UTC`;
  out.note(
    cleanLine(
      run.changed
        ? `signed off: the ${run.cadence} checklist of ${timeText(run.startedAt)} UTC, ${run.result.replace("_", " ")}.`
        : `nothing to do: ${run.signedOffBy ?? "somebody"} signed it off${when}.`,
    ),
  );
  return exitCodes.done;
};
