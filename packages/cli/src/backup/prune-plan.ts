import type { Checks } from "./checks.ts";
import { type FinishedRun, isFinished, type StoredItem, type StoredRun, savedItems } from "./repository.ts";
import { startOf } from "./run-folder.ts";

/** Of how many days, weeks and months with backups the newest one is kept. */
export interface Keep {
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
}

export interface PruneInput {
  readonly runs: readonly StoredRun[];
  readonly checks: ReadonlyMap<string, Checks>;
  readonly keep: Keep;
  /** Ids of tenants under a legal hold. */
  readonly held: ReadonlySet<string>;
  /** Ids of tenants that are not purged; undefined where nobody can say, and all count. */
  readonly living: ReadonlySet<string> | undefined;
  readonly now: number;
}

export interface RunPlan {
  readonly run: StoredRun;
  /** thin: some of its files go, the record says so. */
  readonly action: "keep" | "thin" | "remove";
  readonly removed: readonly StoredItem[];
  /** Why what stays of it stays: `daily`, `newest backup of acme`. */
  readonly why: readonly string[];
}

const dayMs = 86_400_000;

const dayOf = (iso: string): string => iso.slice(0, 10);
const monthOf = (iso: string): string => iso.slice(0, 7);
/** The Monday that the week begins with. */
const weekOf = (iso: string): string => {
  const day = Date.parse(dayOf(iso));
  return new Date(day - ((new Date(day).getUTCDay() + 6) % 7) * dayMs).toISOString().slice(0, 10);
};

const periods = [
  ["daily", dayOf],
  ["weekly", weekOf],
  ["monthly", monthOf],
] as const;

const timeOf = ({ item }: StoredItem): string => item.snapshotAt ?? "";
const newestOf = (items: readonly StoredItem[]): StoredItem | undefined =>
  items.reduce<StoredItem | undefined>(
    (newest, item) => (newest === undefined || timeOf(item) > timeOf(newest) ? item : newest),
    undefined,
  );

/** The latest periods that have any backup: the same for all tenants, so that those of a purged one run out. */
const latest = (items: readonly StoredItem[], period: (iso: string) => string, count: number): string[] =>
  [...new Set(items.map((item) => period(timeOf(item))))].sort().reverse().slice(0, count);

const reasonsFor = (
  items: readonly StoredItem[],
  all: readonly StoredItem[],
  { keep, checks, held, living }: PruneInput,
): Map<StoredItem, string> => {
  const reasons = new Map<StoredItem, string>();
  const because = (item: StoredItem | undefined, why: string): void => {
    if (item !== undefined && !reasons.has(item)) reasons.set(item, why);
  };
  const [first] = items;
  const id = first?.tenant?.id;
  const name = first?.name ?? "";
  const checkOf = ({ run, item }: StoredItem) => checks.get(run.id)?.verified[item.file ?? ""];
  for (const [label, period] of periods)
    for (const bucket of latest(all, period, keep[label]))
      because(newestOf(items.filter((item) => period(timeOf(item)) === bucket)), label);
  if (id === undefined || living === undefined || living.has(id)) {
    because(newestOf(items.filter((item) => checkOf(item)?.ok !== false)), `newest backup of ${name}`);
    because(newestOf(items.filter((item) => checkOf(item)?.ok === true)), `newest verified backup of ${name}`);
  }
  if (id !== undefined && held.has(id)) for (const item of items) because(item, `legal hold on ${name}`);
  return reasons;
};

const planFor = (
  run: FinishedRun,
  all: readonly StoredItem[],
  reasons: ReadonlyMap<StoredItem, string>,
  now: number,
): RunPlan => {
  const own = all.filter((item) => item.run === run);
  const removed = own.filter((item) => !reasons.has(item));
  const why = [...new Set(own.flatMap((item) => reasons.get(item) ?? []))];
  // A run in which nothing was saved says why for a day.
  const isEmpty = own.length === 0 && now - startOf(run.id) > dayMs;
  if (isEmpty || (own.length > 0 && removed.length === own.length)) return { run, action: "remove", removed, why };
  return { run, action: removed.length === 0 ? "keep" : "thin", removed, why };
};

/**
 * What a prune removes: for each tenant what is not the newest backup of a period that is kept, not its newest or newest
 * verified one, and not under a hold; and unfinished runs older than a day. What it does not understand it leaves alone.
 */
export const prunePlan = (input: PruneInput): RunPlan[] => {
  const { runs, now } = input;
  const all = savedItems(runs);
  const byTenant = new Map<string, StoredItem[]>();
  for (const item of all) {
    const key = item.tenant?.id ?? "";
    byTenant.set(key, [...(byTenant.get(key) ?? []), item]);
  }
  const reasons = new Map([...byTenant.values()].flatMap((items) => [...reasonsFor(items, all, input)]));
  return runs.map((run) => {
    if (isFinished(run)) return planFor(run, all, reasons, now);
    const old = run.state === "unfinished" && now - startOf(run.id) > dayMs;
    return { run, action: old ? "remove" : "keep", removed: [], why: old ? [] : [run.why] };
  });
};
