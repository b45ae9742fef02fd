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
  /** Undefined: only what has expired goes. */
  readonly keep: Keep | undefined;
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

const isExpired = ({ run }: StoredItem, now: number): boolean =>
  run.record.expiresAt !== undefined && Date.parse(run.record.expiresAt) <= now;

interface Period {
  readonly label: string;
  readonly of: (iso: string) => string;
  readonly kept: readonly string[];
}

/** The latest periods that have any backup: the same for all tenants, so that those of a purged one run out. */
const keptPeriods = (items: readonly StoredItem[], keep: Keep): Period[] =>
  periods.map(([label, of]) => ({
    label,
    of,
    kept: [...new Set(items.map((item) => of(timeOf(item))))].sort().reverse().slice(0, keep[label]),
  }));

const reasonsFor = (
  items: readonly StoredItem[],
  kept: readonly Period[] | undefined,
  { checks, held, living, now }: PruneInput,
): Map<StoredItem, string> => {
  const reasons = new Map<StoredItem, string>();
  const because = (item: StoredItem | undefined, why: string): void => {
    if (item !== undefined && !reasons.has(item)) reasons.set(item, why);
  };
  const [first] = items;
  const id = first?.tenant?.id;
  const name = first?.name ?? "";
  const checkOf = ({ run, item }: StoredItem) => checks.get(run.id)?.verified[item.file ?? ""];
  const isDamaged = (item: StoredItem): boolean => checkOf(item)?.ok === false;
  const newestGood = (some: readonly StoredItem[]) => newestOf(some.filter((item) => !isDamaged(item)));
  const valid = items.filter((item) => !isExpired(item, now));
  if (kept === undefined) for (const item of valid) because(item, "not expired");
  for (const { label, of, kept: wanted } of kept ?? [])
    for (const one of wanted) {
      const within = valid.filter((item) => of(timeOf(item)) === one);
      // What is damaged stands for a period only where nothing else does.
      because(newestGood(within) ?? newestOf(within), label);
    }
  if (id === undefined || living === undefined || living.has(id)) {
    because(newestGood(items), `newest backup of ${name}`);
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
 * What a prune removes: for each tenant what has expired or is not the newest backup of a period that is kept, but not its
 * newest or newest verified one while it is not purged, and nothing under a hold; and unfinished runs older than a day. What
 * it does not understand it leaves alone.
 */
export const prunePlan = (input: PruneInput): RunPlan[] => {
  const { runs, keep, now } = input;
  const all = savedItems(runs);
  const byTenant = new Map<string, StoredItem[]>();
  for (const item of all) {
    const key = item.tenant?.id ?? "";
    byTenant.set(key, [...(byTenant.get(key) ?? []), item]);
  }
  const unexpired = all.filter((item) => !isExpired(item, now));
  const kept = keep === undefined ? undefined : keptPeriods(unexpired, keep);
  const reasons = new Map([...byTenant.values()].flatMap((items) => [...reasonsFor(items, kept, input)]));
  return runs.map((run) => {
    if (isFinished(run)) return planFor(run, all, reasons, now);
    const old = run.state === "unfinished" && now - startOf(run.id) > dayMs;
    return { run, action: old ? "remove" : "keep", removed: [], why: old ? [] : [run.why] };
  });
};
