import { usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import type { Column } from "../output/column.ts";
import { readChecks } from "./checks.ts";
import { repositoryOf } from "./flags.ts";
import { backupsOf, chooseRun, isFinished, notABackup, readRuns, type StoredRun } from "./repository.ts";
import { startOf } from "./run-folder.ts";
import { itemsOf } from "./run-record.ts";
import { isComplete } from "./summary.ts";

const runColumns: readonly Column[] = [
  { key: "run" },
  { key: "state", as: "status" },
  { key: "startedAt", title: "started", as: "time" },
  { key: "saved", title: "tenants", as: "count" },
  { key: "failed", as: "count" },
  { key: "bytes", title: "size", as: "bytes" },
  { key: "verified", as: "count", drop: 2 },
  { key: "drilled", as: "count", drop: 1 },
  { key: "expiresAt", title: "expires", as: "time", drop: 2 },
  { key: "encrypted", as: "yesNo", drop: 3 },
  { key: "host", drop: 4 },
];

/** A run as people and programs are told of it. */
const rowOf = async (run: StoredRun) => {
  if (!isFinished(run))
    return {
      run: run.id,
      state: run.state,
      startedAt: new Date(startOf(run.id)).toISOString(),
      finishedAt: null,
      saved: null,
      failed: null,
      bytes: null,
      verified: null,
      drilled: null,
      expiresAt: null,
      encrypted: null,
      host: null,
    };
  const { id, record } = run;
  const { startedAt, finishedAt, expiresAt = null, saved, failed, bytes, recipients, host } = record;
  const { verified, drilled } = await readChecks(run);
  const good = (checks: typeof verified): number => Object.values(checks).filter(({ ok }) => ok).length;
  return {
    run: id,
    state: isComplete(record) ? "complete" : "incomplete",
    startedAt,
    finishedAt,
    saved,
    failed,
    bytes,
    verified: good(verified),
    drilled: good(drilled),
    expiresAt,
    encrypted: recipients.length > 0,
    host,
  };
};

/** The runs of a repository, the newest first. */
export const list = async (invocation: Invocation): Promise<number> => {
  const { out, args, flags } = invocation;
  if (args.length > 0) throw usage("list takes no arguments", "`tenantctl backup show RUN` shows one.");
  const repository = repositoryOf(invocation);
  const runs = await readRuns(repository);
  const tenant = textFlag(flags, "tenant");
  const holding = tenant === undefined ? undefined : new Set(backupsOf(runs, tenant).map(({ run }) => run.id));
  const wanted = runs.filter(({ id }) => holding?.has(id) ?? true).reverse();
  const rows = await Promise.all(wanted.map(rowOf));
  const properties = Object.keys(rows[0] ?? { run: "" });
  await out.list([JSON.stringify(rows)], { columns: runColumns, properties, empty: `no runs in ${repository}` });
  for (const run of wanted) if (run.state === "unreadable") out.note(notABackup(run));
  return 0;
};

const fileColumns: readonly Column[] = [
  { key: "name", title: "tenant", flex: true },
  { key: "outcome", as: "status" },
  { key: "snapshotAt", title: "as of", as: "time" },
  { key: "bytes", title: "size", as: "bytes" },
  { key: "rows", as: "count", drop: 4 },
  { key: "verifiedAt", title: "verified", as: "time", drop: 2 },
  { key: "drilledAt", title: "drilled", as: "time", drop: 1 },
  { key: "file", drop: 3, flex: true },
  { key: "detail", flex: true, drop: 5 },
];

/** The files of one run. */
export const show = async (invocation: Invocation): Promise<number> => {
  const { out, args, settings } = invocation;
  const [id, ...more] = args;
  if (more.length > 0) throw usage("show takes one run");
  const repository = repositoryOf(invocation);
  const run = chooseRun(await readRuns(repository), repository, id);
  if (settings.output === "json" || settings.output === "yaml") {
    await out.record(JSON.stringify(run.record), { cells: [], properties: [] });
    return 0;
  }
  const { verified, drilled } = await readChecks(run);
  const rows = itemsOf(run.record).map(({ name, tenant, item }) => {
    const [seen, tried] = [verified[item.file ?? ""], drilled[item.file ?? ""]];
    return {
      name,
      tenantId: tenant?.id ?? null,
      outcome: seen?.ok === false ? "damaged" : item.outcome,
      snapshotAt: item.snapshotAt,
      bytes: item.bytes,
      rows: item.rows === null ? null : Object.values(item.rows).reduce((sum, count) => sum + count, 0),
      verifiedAt: seen?.ok === true ? seen.at : null,
      drilledAt: tried?.ok === true ? tried.at : null,
      file: item.file,
      sha256: item.sha256,
      detail: item.error?.detail ?? null,
    };
  });
  const properties = Object.keys(rows[0] ?? {});
  await out.list([JSON.stringify(rows)], { columns: fileColumns, properties, empty: "the run holds nothing" });
  const { recipients, api, startedAt, finishedAt, expiresAt } = run.record;
  const readers = recipients.length === 0 ? "not encrypted" : `encrypted for ${recipients.join(", ")}`;
  const expiry = expiresAt === undefined ? "no expiry: kept until it is pruned" : `expires ${expiresAt}`;
  out.note(`${run.id}: ${startedAt} to ${finishedAt}, from ${api}; ${readers}; ${expiry}`);
  return 0;
};
