import { ContractError, errors, exitCodes } from "@tenantctl/contract";
import { isTransient } from "../backup/transience.ts";
import { LocalFault } from "../backup/whole-file.ts";
import { CliError } from "../cli-error.ts";
import { onFarewell, onInterrupt } from "../signals.ts";
import type { Progress } from "./progress.ts";
import { provisionRow, type RowJob } from "./provision-row.ts";
import type { ReportFile, RowOutcome } from "./report-file.ts";
import type { StoredRow } from "./row-store.ts";

export interface RunOptions extends Omit<RowJob, "signal" | "onRetry"> {
  readonly rows: AsyncGenerator<StoredRow>;
  readonly total: number;
  readonly concurrency: number;
  readonly report: ReportFile;
  readonly progress: Progress;
  /** Told what a signal leaves behind. Synchronous. */
  readonly onCut: (line: string) => void;
}

export interface Counts {
  readonly provisioned: number;
  readonly existing: number;
  readonly failed: number;
  /** Rows that were left when the run stopped. */
  readonly notTried: number;
}

/** The credentials do not do; the next row's answer would be the same. */
const isRefusal = (error: unknown): boolean =>
  (error instanceof ContractError && errors[error.code].exit === exitCodes.denied) ||
  (error instanceof CliError && error.exit === exitCodes.denied);

/**
 * Provisions rows, several at once, and reports each as it ends; what fails does not stop the others. Stops early when the
 * credentials are refused, or when as many rows in a row as are under way at once could not reach the API, and throws that
 * error where nothing was done by then. Throws LocalFault when the report can't be written.
 */
export const runRows = async (options: RunOptions): Promise<Counts> => {
  const { rows, total, concurrency, report, progress, onCut, ...job } = options;
  const counts = { provisioned: 0, existing: 0, failed: 0, unknown: 0 };
  const underWay = new Map<StoredRow, Promise<void>>();
  const cut = new AbortController();
  let unreached = 0;
  let stop: { readonly error: unknown } | undefined;
  let unwritten: LocalFault | undefined;

  const end = (row: StoredRow, outcome: RowOutcome, attempts: number | null): void => {
    counts[outcome.outcome] += 1;
    const { slug, adminEmail } = row.tenant;
    report.add({ line: row.line, slug, adminEmail, ...outcome, attempts });
    progress.row(row, outcome);
  };
  const one = async (row: StoredRow): Promise<void> => {
    const onRetry = (error: unknown): void => progress.retry(row, error);
    const { cause, attempts, ...outcome } = await provisionRow(row, { ...job, signal: cut.signal, onRetry });
    // Broken off while it waited to try again: whether the API had done it by then is not known.
    if (cut.signal.aborted && (cause === cut.signal.reason || isTransient(cause))) return;
    underWay.delete(row);
    end(row, outcome, attempts);
    unreached = isTransient(cause) ? unreached + 1 : 0;
    if (isRefusal(cause) || unreached >= concurrency) stop ??= { error: cause };
  };
  const work = async (): Promise<void> => {
    while (stop === undefined && !cut.signal.aborted) {
      const next = await rows.next();
      if (next.done === true || cut.signal.aborted) return;
      const ended = one(next.value);
      underWay.set(next.value, ended);
      await ended.catch((error: unknown) => {
        if (!(error instanceof LocalFault)) throw error;
        // Nobody would be told what becomes of the others.
        unwritten ??= error;
        stop ??= { error };
      });
    }
  };

  const takeBack = [
    // What is under way gets its time to end.
    onFarewell(async () => {
      cut.abort(new CliError("interrupted", exitCodes.interrupted, "interrupted", "Run it again to go on."));
      await Promise.allSettled(underWay.values());
    }),
    onInterrupt(() => {
      const error = { code: "interrupted", detail: "the run was cut short while this was under way: run it again" };
      const unknown = {
        tenantId: null,
        adminSecret: null,
        adminSecretExpiresAt: null,
        error,
        outcome: "unknown",
      } as const;
      for (const row of underWay.keys()) end(row, unknown, null);
      progress.end();
      report.close();
      const done = counts.provisioned + counts.existing;
      onCut(`cut short: ${done} of ${total} tenants are there; run it again to go on`);
    }),
  ];
  try {
    progress.begin(total);
    await Promise.all(Array.from({ length: concurrency }, work));
    const { provisioned, existing, failed } = counts;
    if (unwritten !== undefined)
      throw new LocalFault(
        unwritten.code,
        exitCodes.partial,
        `${unwritten.message}; ${provisioned + existing} of ${total} tenants are there, and the report lacks the last of them`,
        unwritten.hint,
      );
    if (stop !== undefined && provisioned + existing === 0) throw stop.error;
    return { provisioned, existing, failed, notTried: total - provisioned - existing - failed };
  } finally {
    progress.end();
    for (const back of takeBack) back();
  }
};
