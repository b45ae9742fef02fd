/** What became of one tenant in a run. */
export interface TenantRecord {
  readonly id: string;
  readonly slug: string;
  /** Where it was in its lifecycle when the run began. */
  readonly status: string;
  /** gone: deleted for good after the run had begun, so that there is nothing left to save. */
  readonly outcome: "saved" | "failed" | "gone";
  /** In the run's folder; null where there is none. */
  readonly file: string | null;
  readonly bytes: number;
  /** Of the file as stored, in hex. */
  readonly sha256: string | null;
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>> | null;
  readonly attempts: number;
  readonly error: { readonly code: string; readonly detail: string } | null;
}

/** `run.json`: written last, so that a folder without it is an unfinished run. */
export interface RunRecord {
  readonly format: "tenantctl-run/1";
  readonly run: string;
  readonly folder: string;
  readonly api: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly saved: number;
  readonly failed: number;
  readonly gone: number;
  readonly bytes: number;
  readonly tenants: readonly TenantRecord[];
}

/** How many records had this outcome. */
export const countOf = (records: readonly TenantRecord[], outcome: TenantRecord["outcome"]): number =>
  records.filter((record) => record.outcome === outcome).length;

export const recordFile = "run.json";
