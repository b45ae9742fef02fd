/** What became of one file of a run. */
export interface ItemRecord {
  /** gone: deleted for good after the run had begun, nothing was left to save; pruned: removed since by `backup prune`. */
  readonly outcome: "saved" | "failed" | "gone" | "pruned";
  /** In the run's folder; null where there is none. */
  readonly file: string | null;
  /** Of the file as stored, encrypted or not. */
  readonly bytes: number;
  /** Of the file as stored, in hex. */
  readonly sha256: string | null;
  /** The moment that the archive holds, in UTC. */
  readonly snapshotAt: string | null;
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>> | null;
  readonly attempts: number;
  readonly seconds: number;
  readonly error: { readonly code: string; readonly detail: string } | null;
}

/** What became of one tenant in a run. */
export interface TenantRecord extends ItemRecord {
  readonly id: string;
  readonly slug: string;
  /** Where it was in its lifecycle when the run began. */
  readonly status: string;
}

export const runFormat = "tenantctl-run/2";

/** `run.json`: written last, so that a folder without it is an unfinished run and no backup. */
export interface RunRecord {
  readonly format: typeof runFormat;
  readonly run: string;
  readonly api: string;
  readonly host: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** From when on prune removes its files, in UTC; absent: they are kept until the numbers say otherwise. */
  readonly expiresAt?: string;
  /** True where no tenant was left out on purpose. */
  readonly all: boolean;
  /** Whom the files are encrypted for; empty: they are not. */
  readonly recipients: readonly string[];
  readonly saved: number;
  readonly failed: number;
  readonly gone: number;
  readonly bytes: number;
  /** What belongs to no tenant; null where a run was made without it. */
  readonly system: ItemRecord | null;
  readonly tenants: readonly TenantRecord[];
}

export const recordFile = "run.json";

/** How people are told of the archive of what belongs to no tenant. */
export const systemName = "system";

/** One file of a run and whose it is; `tenant` is null for what belongs to no tenant. */
export interface RunItem {
  readonly name: string;
  readonly tenant: TenantRecord | null;
  readonly item: ItemRecord;
}

/** The system archive, then the tenants. */
export const itemsOf = ({ system, tenants }: Pick<RunRecord, "system" | "tenants">): RunItem[] => [
  ...(system === null ? [] : [{ name: systemName, tenant: null, item: system }]),
  ...tenants.map((tenant) => ({ name: tenant.slug, tenant, item: tenant })),
];

/** How many tenants had this outcome. */
export const countOf = (records: readonly ItemRecord[], outcome: ItemRecord["outcome"]): number =>
  records.filter((record) => record.outcome === outcome).length;

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isTime: Check = (value) => typeof value === "string" && !Number.isNaN(Date.parse(value));
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const allIn = (value: unknown, checks: Readonly<Record<string, Check>>): boolean =>
  isFields(value) && Object.entries(checks).every(([name, check]) => check(value[name]));

/** A file's name says nothing but which file of this folder it is. */
export const isFileName: Check = (value) =>
  typeof value === "string" && /^[_a-z0-9][a-z0-9-]*\.tar(\.age)?$/.test(value);

const itemChecks: Readonly<Record<string, Check>> = {
  outcome: (value) => ["saved", "failed", "gone", "pruned"].includes(String(value)),
  file: orNull(isFileName),
  bytes: isCount,
  sha256: orNull((value) => /^[0-9a-f]{64}$/.test(String(value))),
  snapshotAt: orNull(isTime),
  rows: orNull((value) => isFields(value) && Object.values(value).every(isCount)),
};
const isItem: Check = (value) =>
  allIn(value, itemChecks) &&
  isFields(value) &&
  (value.outcome === "saved") === (value.file !== null && value.sha256 !== null && value.snapshotAt !== null);
const isTenant: Check = (value) => isItem(value) && allIn(value, { id: isText, slug: isText, status: isText });

const recordChecks: Readonly<Record<string, Check>> = {
  run: isText,
  api: isText,
  host: isText,
  startedAt: isTime,
  finishedAt: isTime,
  expiresAt: (value) => value === undefined || isTime(value),
  all: (value) => typeof value === "boolean",
  recipients: (value) => Array.isArray(value) && value.every(isText),
  saved: isCount,
  failed: isCount,
  gone: isCount,
  bytes: isCount,
  system: orNull(isItem),
  tenants: (value) => Array.isArray(value) && value.every(isTenant),
};

/** True for what `backup` writes into run.json; a record that somebody changed by hand leads to no other folder. */
export const isRunRecord = (value: unknown): value is RunRecord =>
  allIn(value, { format: (format) => format === runFormat, ...recordChecks });
