import { randomUUID } from "node:crypto";
import { writeSync } from "node:fs";
import { exitCodes } from "@tenantctl/contract";
import { concurrencyOf } from "../arguments/concurrency.ts";
import { kebab } from "../arguments/field.ts";
import { withRetries } from "../backup/transience.ts";
import { CliError, usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { goOnUnread } from "../output/broken-output.ts";
import { cleanLine } from "../output/clean.ts";
import { failureOf } from "../report-error.ts";
import type { Api } from "../session/api.ts";
import { progressFor } from "./progress.ts";
import { readRows } from "./read-rows.ts";
import { noReport, openReport } from "./report-file.ts";
import { openRowStore } from "./row-store.ts";
import { type Counts, runRows } from "./run-rows.ts";

/** What is said of one tenant; of many it stands in the file. */
const ofOne = [
  "slug",
  "contactEmail",
  "adminName",
  "adminEmail",
  "passwordFile",
  "passwordStdin",
  "idempotencyKey",
  "invite",
] as const;

const refuseOthers = ({ args, flags }: Invocation): void => {
  const given = ofOne.filter((name) => flags[name] !== undefined).map((name) => `--${kebab(name)}`);
  if (args.length > 0 || given.length > 0)
    throw usage(
      `with --file, ${args.length > 0 ? "the name" : given.join(", ")} stands in the file`,
      "Only --plan may be given beside it, for rows that name no plan.",
    );
};

/** All plans, or undefined where these credentials may not see them: the API then says it row by row. */
const plansOf = async (api: Api): Promise<ReadonlySet<string> | undefined> => {
  try {
    const plans = await withRetries(() => api.call("plans.list"));
    return new Set(plans.map(({ name }) => name));
  } catch (error) {
    if (failureOf(error).code === "scope_missing") return undefined;
    throw error;
  }
};

interface Summary extends Counts {
  readonly rows: number;
  readonly seconds: number;
  readonly dryRun: boolean;
  readonly report: string | null;
}

const plural = (count: number): string => `${count} ${count === 1 ? "tenant" : "tenants"}`;

/** `provisioned 97 tenants, 2 were there already, 1 failed, in 12.3 s; report: made.jsonl` */
export const summaryLine = ({ provisioned, existing, failed, notTried, seconds, dryRun, report }: Summary): string => {
  const parts = [
    `${dryRun ? "dry run: would provision" : "provisioned"} ${plural(provisioned)}`,
    ...(existing === 0 ? [] : [`${existing} ${existing === 1 ? "was" : "were"} there already`]),
    ...(failed === 0 ? [] : [`${failed} ${dryRun ? "would fail" : "failed"}`]),
    ...(notTried === 0 ? [] : [`${notTried} not tried`]),
    `in ${seconds.toFixed(1)} s`,
  ];
  return `${parts.join(", ")}${report === null ? "" : `; report: ${report}`}`;
};

const print = async ({ out, settings }: Invocation, summary: Summary): Promise<number> => {
  const { failed, notTried } = summary;
  const partial = failed + notTried > 0;
  const hint = `Run it again when that is mended: tenants that are there are skipped.${summary.report === null ? " --report keeps the reason of each." : ""}`;
  if (settings.output === "table") {
    if (partial) out.note(`next: ${hint}`);
    out.text(cleanLine(summaryLine(summary)));
    return partial ? exitCodes.partial : exitCodes.done;
  }
  await out.record(JSON.stringify(summary), { cells: [], properties: Object.keys(summary) });
  if (!partial) return exitCodes.done;
  throw new CliError(
    "provision_incomplete",
    exitCodes.partial,
    `not every tenant was provisioned: ${failed} failed, ${notTried} not tried`,
    hint,
  );
};

/** `provision --file`: checks the whole file, then provisions its rows. */
export const provisionFile = async (invocation: Invocation, file: string): Promise<number> => {
  goOnUnread();
  const { flags } = invocation;
  refuseOthers(invocation);
  const concurrency = concurrencyOf(flags);
  const dryRun = flags.dryRun === true;
  const reportPath = dryRun ? undefined : textFlag(flags, "report");
  if (dryRun && flags.report !== undefined) throw usage("--dry-run makes nothing to report", "Leave --report out.");
  const api = await invocation.api();
  const plans = await plansOf(api);
  const store = openRowStore();
  try {
    const { rows, withoutPassword } = await readRows(file, store, { plan: textFlag(flags, "plan"), plans });
    if (withoutPassword > 0 && reportPath === undefined && !dryRun)
      throw usage(
        `missing: --report. ${withoutPassword} of ${plural(rows)} ${withoutPassword === 1 ? "has" : "have"} no adminPassword, and their administrators' secrets must be written somewhere`,
        "Name a file that only you will be able to read: --report FILE.",
      );
    const report = reportPath === undefined ? noReport : openReport(reportPath, file);
    const started = performance.now();
    const counts = await runRows({
      api,
      runId: randomUUID(),
      dryRun,
      rows: store.rows(),
      total: rows,
      concurrency,
      report,
      progress: await progressFor(invocation),
      // The process is about to end: what goes through the stream might not get out.
      onCut: (line) => void writeSync(2, `${cleanLine(line)}\n`),
    }).finally(() => report.close());
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    return await print(invocation, { rows, ...counts, seconds, dryRun, report: reportPath ?? null });
  } finally {
    store.close();
  }
};
