import { writeSync } from "node:fs";
import { exitCodes } from "@tenantctl/contract";
import { listTenants } from "../backup/listed-tenants.ts";
import { progressBar, progressLines, silent } from "../backup/progress.ts";
import { runBackup } from "../backup/run-backup.ts";
import type { RunRecord } from "../backup/run-record.ts";
import { stallTimeoutFlag, stallTimeoutMs } from "../backup/stall-timeout.ts";
import { failedText, summaryLine } from "../backup/summary.ts";
import { CliError, usage } from "../cli-error.ts";
import { defineCommands } from "../command.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { cleanLine } from "../output/clean.ts";
import { failureOf } from "../report-error.ts";

const statuses = ["active", "suspended", "cancelled", "deleted"] as const;
const mostAtOnce = 32;

const concurrencyOf = (flags: Invocation["flags"]): number => {
  const text = textFlag(flags, "concurrency") ?? "4";
  const number = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > mostAtOnce)
    throw usage(`--concurrency takes a number from 1 to ${mostAtOnce}, not "${text}"`);
  return number;
};

const selectionOf = ({ args, flags }: Invocation): { tenants: readonly string[]; status: string | undefined } => {
  if (args.length > 0)
    throw usage(`this command takes no arguments, and got "${args.join(" ")}"`, `Name tenants with --tenant.`);
  const tenants = Array.isArray(flags.tenant) ? flags.tenant.map(String) : [];
  const status = textFlag(flags, "status");
  if (tenants.length > 0 && status !== undefined)
    throw usage("--tenant and --status exclude each other", "A tenant that is named is backed up in any status.");
  if (tenants.includes("")) throw usage("--tenant is empty", "Give an id or a slug.");
  return { tenants, status };
};

const incomplete = (record: RunRecord): CliError =>
  new CliError(
    "backup_incomplete",
    exitCodes.partial,
    `${record.failed} of ${record.failed + record.saved} tenants were not backed up: ${failedText(record)}`,
    `Look at the reasons in ${record.folder}/run.json and run the backup again.`,
  );

const report = async ({ out, settings }: Invocation, record: RunRecord): Promise<number> => {
  const format = settings.output;
  const { tenants, ...run } = record;
  if (format === "table") {
    for (const { slug, outcome, error } of tenants)
      if (outcome === "failed" && error?.code !== "not_tried") out.note(`failed: ${slug}: ${error?.detail ?? ""}`);
    if (record.failed > 0) out.note(`next: ${incomplete(record).hint}`);
    out.text(cleanLine(summaryLine(record)));
    return record.failed === 0 ? exitCodes.done : exitCodes.partial;
  }
  if (format === "csv" || format === "jsonl") {
    const properties = ["id", "slug", "status", "outcome", "file", "bytes", "sha256", "rows", "attempts", "error"];
    await out.list([JSON.stringify(tenants)], { columns: [], properties, empty: "" });
  } else await out.record(JSON.stringify(record), { cells: [], properties: Object.keys(run) });
  if (record.failed > 0) throw incomplete(record);
  return exitCodes.done;
};

const run = async (invocation: Invocation): Promise<number> => {
  const { flags, out, settings } = invocation;
  const selection = selectionOf(invocation);
  const concurrency = concurrencyOf(flags);
  const stallMs = stallTimeoutMs(invocation);
  const repository = textFlag(flags, "repo") ?? "./backups";
  if (repository === "") throw usage("--repo is empty", "Give a folder.");
  const quiet = settings.output === "json" || settings.output === "jsonl";
  const log = quiet ? () => {} : out.note;
  const { stderr } = process;
  const forPeople = stderr.isTTY === true && !quiet && settings.env.TERM !== "dumb" && !settings.env.CI;
  const api = await invocation.api();
  const tenants = await listTenants(api, selection, stallMs, (error) =>
    log(`trying again: ${failureOf(error).detail}`),
  );
  const record = await runBackup({
    api,
    tenants,
    repository,
    concurrency,
    stallMs,
    progress: quiet ? silent : forPeople ? await progressBar(stderr, out.note) : progressLines(out.note),
    // The process is about to end: what goes through the stream might not get out.
    onCut: (line) => void (quiet || writeSync(2, `${cleanLine(line)}\n`)),
  });
  return report(invocation, record);
};

const backup = {
  description: [
    "All tenants, suspended, cancelled and softly deleted ones too, several at once, into a folder of the run's own:",
    "<repo>/<run>/<slug>.json, the document that `tenantctl export` gives. A file is there whole or not at all.",
    "run.json, with each file's SHA-256, is written last: a folder without it is a run that did not finish.",
    "What is transient is tried three times. A tenant that fails is named and the others go on (exit 3); one that is",
    "deleted for good meanwhile is named and is no failure. Runs at the same time don't get in each other's way.",
  ].join(" "),
  flags: [
    { flags: "--repo <folder>", help: "Where runs are kept (./backups unless said)" },
    { flags: "--tenant <tenant...>", help: "Only this tenant, by id or slug; may be given several times" },
    { flags: "--status <status>", help: "Only tenants in this status", choices: statuses },
    { flags: "--concurrency <n>", help: `How many tenants at once, up to ${mostAtOnce} (4 unless said)` },
    stallTimeoutFlag,
  ],
  run,
} as const;

export const commands = defineCommands([
  {
    ...backup,
    path: ["backup"],
    summary: "Back up all tenants, or some",
    examples: [
      "backup",
      "backup --repo /var/backups/tenants",
      "backup --tenant acme --tenant globex",
      "backup --status active --concurrency 8 -o json",
    ],
  },
  {
    ...backup,
    path: ["backup-all"],
    summary: "Back up all tenants: another name of backup",
    examples: ["backup-all", "backup-all --repo /var/backups/tenants"],
  },
]);
