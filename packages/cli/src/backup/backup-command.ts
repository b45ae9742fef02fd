import { writeSync } from "node:fs";
import { exitCodes } from "@tenantctl/contract";
import { concurrencyOf } from "../arguments/concurrency.ts";
import { CliError, usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { goOnUnread } from "../output/broken-output.ts";
import { cleanLine } from "../output/clean.ts";
import { failureOf } from "../report-error.ts";
import { backUp, exitOf } from "./back-up.ts";
import { expiresAfterOf, repositoryOf } from "./flags.ts";
import { recipientsOf } from "./keys.ts";
import { createPing } from "./ping.ts";
import { backingUp, noteLine, progressFor } from "./progress.ts";
import type { FinishedBackup } from "./run-backup.ts";
import { itemsOf } from "./run-record.ts";
import { stallTimeoutMs } from "./stall-timeout.ts";
import { failedText, isComplete, summaryLine } from "./summary.ts";

const selectionOf = ({ args, flags }: Invocation): { tenants: readonly string[]; status: string | undefined } => {
  if (args.length > 0)
    throw usage(
      `backup takes no arguments, and got "${args.join(" ")}"`,
      "Name tenants with --tenant; a command of backup's own comes right after it: `tenantctl backup list --repo DIR`.",
    );
  const tenants = Array.isArray(flags.tenant) ? flags.tenant.map(String) : [];
  const status = textFlag(flags, "status");
  if (tenants.length > 0 && status !== undefined)
    throw usage("--tenant and --status exclude each other", "A tenant that is named is backed up in any status.");
  if (tenants.includes("")) throw usage("--tenant is empty", "Give an id or a slug.");
  return { tenants, status };
};

const incomplete = ({ record, folder }: FinishedBackup): CliError =>
  new CliError(
    "backup_incomplete",
    exitCodes.partial,
    `not everything was backed up: ${failedText(record)}`,
    `Look at the reasons in ${folder}/run.json and run the backup again.`,
  );

const print = async ({ out, settings }: Invocation, finished: FinishedBackup): Promise<void> => {
  const { record, folder } = finished;
  if (settings.output === "table") {
    for (const { name, item } of itemsOf(record))
      if (item.outcome === "failed" && item.error?.code !== "not_tried")
        out.note(`failed: ${name}: ${item.error?.detail ?? ""}`);
    if (!isComplete(record)) out.note(`next: ${incomplete(finished).hint}`);
    return out.text(cleanLine(summaryLine(record, folder)));
  }
  if (settings.output === "csv" || settings.output === "jsonl") {
    const rows = itemsOf(record).map(({ name, tenant, item }) => ({
      id: tenant?.id ?? null,
      slug: name,
      status: tenant?.status ?? null,
      ...item,
    }));
    await out.list([JSON.stringify(rows)], { columns: [], properties: Object.keys(rows[0] ?? {}), empty: "" });
  } else await out.record(JSON.stringify({ folder, ...record }), { cells: [], properties: Object.keys(record) });
  if (!isComplete(record)) throw incomplete(finished);
};

export const run = async (invocation: Invocation): Promise<number> => {
  goOnUnread();
  const { flags, settings } = invocation;
  const selection = selectionOf(invocation);
  const concurrency = concurrencyOf(flags);
  const stallMs = stallTimeoutMs(invocation);
  const expiresAfterMs = expiresAfterOf(invocation);
  const repository = repositoryOf(invocation);
  const recipients = await recipientsOf(invocation);
  const quiet = settings.output === "json" || settings.output === "jsonl";
  const note = quiet && flags.jsonLog !== true ? () => {} : noteLine(invocation);
  const ping = createPing(textFlag(flags, "pingUrl"), note);
  const api = await invocation.api();
  await ping.start();
  let exit: number = exitCodes.unexpected;
  try {
    const finished = await backUp({
      api,
      repository,
      selection,
      recipients,
      concurrency,
      stallMs,
      expiresAfterMs,
      resume: flags.resume === true,
      progress: await progressFor(invocation, backingUp),
      note,
      // The process is about to end: what goes through the stream might not get out.
      onCut: (line) => void (quiet || writeSync(2, `${cleanLine(line)}\n`)),
    });
    exit = exitOf(finished);
    await print(invocation, finished);
    return exit;
  } catch (error) {
    exit = failureOf(error).exit;
    throw error;
  } finally {
    await ping.end(exit);
  }
};
