import { closeSync, fchmodSync, fstatSync, fsyncSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { localFault } from "../backup/whole-file.ts";
import { usage } from "../cli-error.ts";

/** What became of one row. */
export interface RowOutcome {
  /**
   * `existing`: a tenant with this slug and administrator was there already. `unknown`: the run was cut short while the
   * API was at it.
   */
  readonly outcome: "provisioned" | "existing" | "failed" | "unknown";
  readonly tenantId: string | null;
  /** What the administrator sets the first password with. */
  readonly adminSecret: string | null;
  readonly adminSecretExpiresAt: string | null;
  readonly error: { readonly code: string; readonly detail: string } | null;
}

export interface ReportRow extends RowOutcome {
  readonly line: number;
  readonly slug: string;
  readonly adminEmail: string;
  /** null: not known. */
  readonly attempts: number | null;
}

/** A line of JSON for each row, in the order in which they ended. */
export interface ReportFile {
  /** On its way to the disk when it returns; synchronous, so that a signal finds a line whole or not begun. */
  add(row: ReportRow): void;
  close(): void;
}

export const noReport: ReportFile = { add: () => {}, close: () => {} };

/**
 * Opens a report for adding to it: what earlier runs wrote, secrets among it, stays. Only its owner can read it (mode
 * 0600). Throws a usage error for what is no file or is `input` itself, and LocalFault where it can't be written.
 */
export const openReport = (path: string, input: string): ReportFile => {
  let handle: number;
  try {
    handle = openSync(path, "a+", 0o600);
  } catch (cause) {
    throw localFault(path, cause);
  }
  const guarded = <T>(step: () => T): T => {
    try {
      return step();
    } catch (cause) {
      throw localFault(path, cause);
    }
  };
  const stats = fstatSync(handle);
  const source = input === "-" ? undefined : statSync(input, { throwIfNoEntry: false });
  if (!stats.isFile()) {
    closeSync(handle);
    throw usage(`--report takes a file, and ${path} is none`);
  }
  if (source?.ino === stats.ino && source.dev === stats.dev) {
    closeSync(handle);
    throw usage(`--report and --file are the same file, ${path}`, "Name another file for the report.");
  }
  const write = (text: string): void =>
    guarded(() => {
      const bytes = Buffer.from(text);
      for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done);
    });
  guarded(() => fchmodSync(handle, 0o600));
  // A run that was killed may have left half a line.
  const last = Buffer.alloc(1);
  if (stats.size > 0 && guarded(() => readSync(handle, last, 0, 1, stats.size - 1)) === 1 && last.toString() !== "\n")
    write("\n");
  return {
    add: (row) => write(`${JSON.stringify({ at: new Date().toISOString(), ...row })}\n`),
    close: () =>
      guarded(() => {
        fsyncSync(handle);
        closeSync(handle);
      }),
  };
};
