import { randomInt } from "node:crypto";
import { exitCodes } from "@tenantctl/contract";
import { CliError, usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { goOnUnread } from "../output/broken-output.ts";
import { cleanLine } from "../output/clean.ts";
import { addChecks, type Check } from "./checks.ts";
import { type DrilledFile, drillFile } from "./drill-file.ts";
import { repositoryOf } from "./flags.ts";
import { identitiesOf } from "./keys.ts";
import { backupsOf, chooseRun, type FinishedRun, readRuns, type StoredItem, savedItems } from "./repository.ts";
import { systemName } from "./run-record.ts";
import { openScratchFor } from "./scratch.ts";
import { tellApi } from "./tell-api.ts";

const usualSample = 3;

const sampleOf = ({ flags, args }: Invocation): number => {
  const text = textFlag(flags, "sample");
  if (text !== undefined && args.length > 0) throw usage("name tenants or give --sample, not both");
  if (text !== undefined && !/^[1-9]\d{0,5}$/.test(text)) throw usage(`--sample takes a number from 1, not "${text}"`);
  return Number(text ?? usualSample);
};

/** So many at random, so that in time all have their turn. */
const someOf = (items: readonly StoredItem[], count: number): StoredItem[] => {
  const left = [...items];
  const taken: StoredItem[] = [];
  while (taken.length < count && left.length > 0) taken.push(...left.splice(randomInt(left.length), 1));
  return taken;
};

const named = (run: FinishedRun, reference: string): StoredItem => {
  const [found] = backupsOf([run], reference === systemName ? null : reference);
  if (found !== undefined) return found;
  throw new CliError(
    "no_backup",
    exitCodes.notFound,
    `the run ${run.id} holds no backup of ${reference}`,
    `\`tenantctl backup show ${run.id}\` lists what it holds; --run names another.`,
  );
};

const chosen = (invocation: Invocation, run: FinishedRun): StoredItem[] => {
  const count = sampleOf(invocation);
  if (invocation.args.length > 0) return [...new Set(invocation.args)].map((reference) => named(run, reference));
  const saved = savedItems([run]);
  const tenants = saved.filter(({ tenant }) => tenant !== null);
  return [...saved.filter(({ tenant }) => tenant === null), ...someOf(tenants, count)];
};

const textOf = ({ name, ok, rows, tables, seconds, detail }: DrilledFile): string =>
  ok
    ? `${name}: restored, ${rows} rows in ${tables.length} tables, every digest equal, in ${seconds.toFixed(1)} s`
    : `${name}: failed: ${detail}`;

export const run = async (invocation: Invocation): Promise<number> => {
  goOnUnread();
  const { out, settings, flags } = invocation;
  const repository = repositoryOf(invocation);
  const identities = await identitiesOf(invocation);
  const from = chooseRun(await readRuns(repository), repository, textFlag(flags, "run"));
  const items = chosen(invocation, from);
  const startedAt = new Date().toISOString();
  const drilled: DrilledFile[] = [];
  const scratch = await openScratchFor(invocation);
  try {
    out.note(cleanLine(`drilling ${items.length} of the files of ${from.id} in ${scratch.says}`));
    for (const item of items) {
      const result = await drillFile(item, scratch.database, identities);
      drilled.push(result);
      if (settings.output === "table") out.note(cleanLine(textOf(result)));
    }
  } finally {
    await scratch.close();
    const found = drilled.map(({ file, ok, seconds, detail }): [string, Check] => [
      file,
      { at: new Date().toISOString(), ok, seconds, detail },
    ]);
    if (found.length > 0) await addChecks(from, "drilled", Object.fromEntries(found), out.note);
  }
  const failed = drilled.filter(({ ok }) => !ok);
  const exitCode = failed.length === 0 ? exitCodes.done : exitCodes.problemFound;
  await tellApi(invocation, [
    {
      runId: from.id,
      kind: "drill",
      repository,
      startedAt,
      finishedAt: new Date().toISOString(),
      exitCode,
      items: drilled.map(({ tenantId, ok, snapshotAt, seconds, detail }) => ({
        tenantId,
        outcome: ok ? "ok" : "failed",
        snapshotAt,
        seconds,
        error: detail?.slice(0, 1000) ?? null,
      })),
    },
  ]);
  if (settings.output === "table") {
    const seconds = drilled.reduce((sum, each) => sum + each.seconds, 0);
    const what = failed.length === 0 ? "all restored and equal" : `${failed.length} failed`;
    out.text(cleanLine(`drilled ${drilled.length} of ${from.id} in ${seconds.toFixed(1)} s: ${what}`));
  } else {
    const rows = drilled.map((each) => ({ run: from.id, ...each }));
    await out.list([JSON.stringify(rows)], { columns: [], properties: Object.keys(rows[0] ?? {}), empty: "" });
  }
  return exitCode;
};
