import { exitCodes } from "@tenantctl/contract";
import { CliError, usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { goOnUnread } from "../output/broken-output.ts";
import { bytesText } from "../output/cell.ts";
import type { Column } from "../output/column.ts";
import { readChecks } from "./checks.ts";
import { repositoryOf } from "./flags.ts";
import { listTenants } from "./listed-tenants.ts";
import { type Keep, prunePlan, type RunPlan } from "./prune-plan.ts";
import { carryOut } from "./prune-runs.ts";
import type { RunReport } from "./report-run.ts";
import { isFinished, readRuns } from "./repository.ts";
import { lockRepository } from "./repository-lock.ts";
import { itemsOf } from "./run-record.ts";
import { isComplete } from "./summary.ts";
import { tellApi } from "./tell-api.ts";

const columns: readonly Column[] = [
  { key: "run" },
  { key: "action" },
  { key: "kept", as: "count" },
  { key: "removed", as: "count" },
  { key: "freed", as: "bytes" },
  { key: "expiresAt", title: "expires", as: "time", drop: 1 },
  { key: "why", title: "kept because", flex: true },
];

const countOf = (flags: Invocation["flags"], name: string, flag: string): number => {
  const text = textFlag(flags, name);
  if (text === undefined) return 0;
  if (!/^\d{1,5}$/.test(text)) throw usage(`${flag} takes a number, not "${text}"`);
  return Number(text);
};

/** Undefined: only what has expired goes, which goes with every prune. */
const keepOf = ({ flags, args }: Invocation): Keep | undefined => {
  if (args.length > 0) throw usage("prune takes no arguments");
  const keep = {
    daily: countOf(flags, "keepDaily", "--keep-daily"),
    weekly: countOf(flags, "keepWeekly", "--keep-weekly"),
    monthly: countOf(flags, "keepMonthly", "--keep-monthly"),
  };
  if (flags.expired === true) {
    if ([flags.keepDaily, flags.keepWeekly, flags.keepMonthly].some((given) => given !== undefined))
      throw usage("--expired goes without --keep-…", "What has expired is removed by every prune.");
    return undefined;
  }
  if (keep.daily + keep.weekly + keep.monthly === 0)
    throw usage(
      "say what to keep",
      "For instance --keep-daily 7 --keep-weekly 5 --keep-monthly 12; or --expired for what has expired alone.",
    );
  return keep;
};

const stallMs = 60_000;

/** Legal holds stand in the system; without it nobody knows of them, and nothing may be removed on a guess. */
const askApi = async (invocation: Invocation) => {
  if (invocation.flags.assumeNoHolds === true) return { held: new Set<string>(), living: undefined };
  const api = await invocation.api();
  if (api.login === "none")
    throw new CliError(
      "holds_unknown",
      exitCodes.denied,
      "not logged in, so it cannot be known which tenants are under a legal hold",
      "Log in (`tenantctl login`), or say that there are none: --assume-no-holds.",
    );
  const holds = await api.call("holds.list");
  const tenants = await listTenants(api, { tenants: [], status: undefined }, stallMs, () => undefined);
  return {
    held: new Set(holds.map(({ tenantId }) => tenantId)),
    living: new Set(tenants.map(({ id }) => id)),
  };
};

const bytesOf = ({ removed }: RunPlan): number => removed.reduce((sum, { item }) => sum + item.bytes, 0);

const keptOf = ({ run, removed }: RunPlan): number =>
  isFinished(run) ? itemsOf(run.record).filter(({ item }) => item.outcome === "saved").length - removed.length : 0;

/** The API no longer counts on files that are gone. */
const reportsOf = (plans: readonly RunPlan[], repository: string): RunReport[] =>
  plans.flatMap(({ run, removed }) =>
    removed.length === 0 || !isFinished(run)
      ? []
      : [
          {
            runId: run.id,
            kind: "backup",
            repository,
            startedAt: run.record.startedAt,
            finishedAt: run.record.finishedAt,
            exitCode: isComplete(run.record) ? exitCodes.done : exitCodes.partial,
            expiresAt: run.record.expiresAt,
            items: removed.map(({ tenant, item }) => ({
              tenantId: tenant?.id ?? null,
              outcome: "gone",
              snapshotAt: item.snapshotAt,
            })),
          },
        ],
  );

const summaryOf = (plans: readonly RunPlan[], dryRun: boolean): string => {
  const files = plans.reduce((sum, { removed }) => sum + removed.length, 0);
  const runs = plans.filter(({ action }) => action === "remove").length;
  const kept = plans.reduce((sum, plan) => sum + keptOf(plan), 0);
  const size = bytesText(plans.reduce((sum, plan) => sum + bytesOf(plan), 0));
  return `${dryRun ? "would remove" : "removed"} ${files} files, ${size}, and ${runs} runs whole; ${kept} files stay`;
};

export const run = async (invocation: Invocation): Promise<number> => {
  goOnUnread();
  const { out, flags, settings } = invocation;
  const keep = keepOf(invocation);
  const repository = repositoryOf(invocation);
  const dryRun = flags.dryRun === true;
  await readRuns(repository);
  const known = await askApi(invocation);
  const lock = lockRepository(repository, "prune", { makesRoom: true });
  try {
    const runs = await readRuns(repository);
    const checks = new Map(
      await Promise.all(runs.filter(isFinished).map(async (each) => [each.id, await readChecks(each)] as const)),
    );
    const plans = prunePlan({ runs, checks, keep, ...known, now: Date.now() });
    if (!dryRun) await carryOut(repository, plans);
    const rows = plans.map((plan) => ({
      run: plan.run.id,
      action: plan.action,
      kept: keptOf(plan),
      removed: plan.removed.length,
      freed: bytesOf(plan),
      expiresAt: isFinished(plan.run) ? (plan.run.record.expiresAt ?? null) : null,
      why: plan.why,
    }));
    await out.list([JSON.stringify(rows)], {
      columns,
      properties: columns.map(({ key }) => key),
      empty: `no runs in ${repository}`,
    });
    if (!dryRun && flags.assumeNoHolds !== true) await tellApi(invocation, reportsOf(plans, repository));
    if (settings.output === "table") out.note(summaryOf(plans, dryRun));
    return exitCodes.done;
  } finally {
    lock.release();
  }
};
