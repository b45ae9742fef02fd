import { readdir } from "node:fs/promises";
import { exitCodes } from "@tenantctl/contract";
import pLimit from "p-limit";
import { CliError, usage } from "../cli-error.ts";
import type { Invocation } from "../invocation.ts";
import { goOnUnread } from "../output/broken-output.ts";
import { bytesText } from "../output/cell.ts";
import { cleanLine } from "../output/clean.ts";
import { onInterrupt } from "../signals.ts";
import { addChecks, type Check, checksFile } from "./checks.ts";
import { repositoryOf } from "./flags.ts";
import { identitiesOf } from "./keys.ts";
import { noteLine, type Progress, progressFor, verifying } from "./progress.ts";
import type { ReportItem, RunReport } from "./report-run.ts";
import {
  chooseRun,
  type FinishedRun,
  isFinished,
  notABackup,
  readRuns,
  type StoredItem,
  type StoredRun,
  savedItems,
} from "./repository.ts";
import { recordFile } from "./run-record.ts";
import { tellApi } from "./tell-api.ts";
import { type FileCheck, verifyFile } from "./verify-file.ts";

/** Two at once: one is read while the other is hashed. */
const atOnce = 2;

interface VerifiedFile extends FileCheck {
  readonly name: string;
  readonly tenantId: string | null;
  readonly file: string;
  readonly bytes: number;
  readonly snapshotAt: string | null;
  readonly check: Check;
}

const runsFor = ({ args, flags }: Invocation, runs: readonly StoredRun[], repository: string): readonly StoredRun[] => {
  const [id, ...more] = args;
  if (more.length > 0) throw usage("verify takes one run, or --all");
  if ([id !== undefined, flags.latest === true, flags.all === true].filter(Boolean).length > 1)
    throw usage("say one of RUN, --latest and --all", "Without any of them the newest finished run is verified.");
  return flags.all === true ? runs : [chooseRun(runs, repository, id)];
};

const wantedBy = ({ flags }: Invocation): ((name: string, id: string | undefined) => boolean) => {
  const named = Array.isArray(flags.tenant) ? flags.tenant.map(String) : [];
  return (name, id) => named.length === 0 || named.includes(name) || (id !== undefined && named.includes(id));
};

const verifyItems = async (
  items: readonly StoredItem[],
  identities: readonly string[],
  progress: Progress,
): Promise<VerifiedFile[]> => {
  const limit = pLimit(atOnce);
  return Promise.all(
    items.map((stored) =>
      limit(async (): Promise<VerifiedFile> => {
        const started = performance.now();
        const found = await verifyFile(stored, identities, progress.read);
        const check: Check = {
          at: new Date().toISOString(),
          ok: found.faults.length === 0,
          seconds: Math.round(performance.now() - started) / 1000,
          detail: found.faults.length === 0 ? null : found.faults.join("; "),
        };
        const { name, tenant, item, run } = stored;
        const { bytes, snapshotAt } = item;
        const { ok, seconds, detail } = check;
        progress.item(`${run.id}/${item.file}`, {
          outcome: ok ? "whole" : "damaged",
          file: item.file,
          bytes,
          seconds,
          error: detail === null ? null : { code: "damaged", detail },
        });
        return { name, tenantId: tenant?.id ?? null, file: item.file ?? "", bytes, snapshotAt, check, ...found };
      }),
    ),
  );
};

interface VerifiedRun {
  readonly run: FinishedRun;
  readonly files: readonly VerifiedFile[];
}

/** What is found is kept run by run, and said once nothing moves on the screen any more. */
const verifyRuns = async (
  invocation: Invocation,
  runs: readonly FinishedRun[],
  repository: string,
  identities: readonly string[],
): Promise<VerifiedRun[]> => {
  const tell = noteLine(invocation);
  const wanted = wantedBy(invocation);
  const chosen = runs.map((run) => savedItems([run]).filter(({ name, tenant }) => wanted(name, tenant?.id)));
  const all = chosen.flat();
  const progress = await progressFor(invocation, verifying);
  const takeBack = onInterrupt(() => progress.end());
  const found: VerifiedRun[] = [];
  const notes: string[] = [];
  const note = (line: string): void => void notes.push(cleanLine(line));
  try {
    if (all.length > 0)
      progress.begin(
        all.length,
        repository,
        all.reduce((sum, { item }) => sum + item.bytes, 0),
      );
    for (const [index, run] of runs.entries()) {
      const files = await verifyItems(chosen[index] ?? [], identities, progress);
      found.push({ run, files });
      for (const { file, faults } of files) for (const fault of faults) note(`damaged: ${run.id}/${file}: ${fault}`);
      for (const name of await strays(run)) note(`${run.id}/${name} is no part of this run`);
      await addChecks(run, "verified", Object.fromEntries(files.map(({ file, check }) => [file, check])), note);
    }
  } finally {
    progress.end();
    takeBack();
    for (const line of notes) tell(line);
  }
  return found;
};

/** Files that no record vouches for are no damage; somebody should know of them. */
const strays = async ({ path, record }: FinishedRun): Promise<string[]> => {
  const known = new Set<string | null>([recordFile, checksFile, record.system?.file ?? null]);
  for (const { file } of record.tenants) known.add(file);
  return (await readdir(path)).filter((name) => !name.startsWith(".") && !known.has(name));
};

const itemOf = ({ tenantId, snapshotAt, bytes, check }: VerifiedFile): ReportItem => ({
  tenantId,
  outcome: check.ok ? "ok" : "failed",
  snapshotAt,
  bytes,
  seconds: check.seconds,
  error: check.detail?.slice(0, 1000) ?? null,
});

const summaryOf = (runs: number, files: readonly VerifiedFile[]): string => {
  const damaged = files.filter(({ check }) => !check.ok).length;
  const shallow = files.filter(({ deep }) => !deep).length;
  const size = bytesText(files.reduce((sum, { bytes }) => sum + bytes, 0));
  const what = `${files.length} ${files.length === 1 ? "file" : "files"} of ${runs} ${runs === 1 ? "run" : "runs"}, ${size}`;
  if (damaged > 0) return `verified ${what}: ${damaged} damaged`;
  if (shallow === 0) return `verified ${what}: whole, every part, count and digest`;
  return `verified ${what}: the bytes that were stored (${shallow} encrypted: --identity-file looks into them)`;
};

export const run = async (invocation: Invocation): Promise<number> => {
  goOnUnread();
  const { out, settings } = invocation;
  const repository = repositoryOf(invocation);
  const identities = await identitiesOf(invocation);
  const runs = runsFor(invocation, await readRuns(repository), repository);
  const startedAt = new Date().toISOString();
  const broken = runs.filter((each) => each.state === "unreadable");
  for (const each of runs) if (!isFinished(each)) noteLine(invocation)(notABackup(each));
  const found = await verifyRuns(invocation, runs.filter(isFinished), repository, identities);
  const files = found.flatMap((each) => each.files);
  if (files.length === 0 && broken.length === 0)
    throw new CliError(
      "nothing_to_verify",
      exitCodes.notFound,
      `there is nothing to verify in ${repository}`,
      "`tenantctl backup list` shows what is there.",
    );
  const damaged = files.some(({ check }) => !check.ok) || broken.length > 0;
  const exitCode = damaged ? exitCodes.problemFound : exitCodes.done;
  const reports = found.map(
    ({ run: { id }, files: items }): RunReport => ({
      runId: id,
      kind: "verify",
      repository,
      startedAt,
      finishedAt: new Date().toISOString(),
      exitCode,
      items: items.map(itemOf),
    }),
  );
  await tellApi(invocation, reports);
  const summary = summaryOf(found.length, files);
  if (settings.output === "table") out.text(cleanLine(summary));
  else {
    const rows = found.flatMap(({ run: { id }, files: each }) =>
      each.map(({ name, file, bytes, deep, faults }) => ({
        run: id,
        name,
        file,
        bytes,
        ok: faults.length === 0,
        deep,
        faults,
      })),
    );
    await out.list([JSON.stringify(rows)], { columns: [], properties: Object.keys(rows[0] ?? {}), empty: "" });
  }
  return exitCode;
};
