import type { SingleBar } from "cli-progress";
import type { Invocation } from "../invocation.ts";
import { barText, isWatched, loadBars } from "../output/bar.ts";
import { durationText } from "../output/duration.ts";
import { failureOf } from "../report-error.ts";
import type { RowOutcome } from "./report-file.ts";
import type { StoredRow } from "./row-store.ts";

/** How a run goes, told while it goes. */
export interface Progress {
  begin(total: number): void;
  row(row: StoredRow, outcome: RowOutcome): void;
  retry(row: StoredRow, error: unknown): void;
  /** May be called twice. */
  end(): void;
}

/** For programs: nothing on stderr but errors. */
export const silent: Progress = { begin: () => {}, row: () => {}, retry: () => {}, end: () => {} };

/** `line 7, acme: another tenant has the slug acme` */
export const failedLine = ({ line, tenant }: StoredRow, { error }: RowOutcome): string =>
  `line ${line}, ${tenant.slug}: ${error?.detail ?? "failed"}`;

/** One line per tenant for a few, one per tenth for many; what failed and what is tried again always. */
export const progressLines = (note: (line: string) => void): Progress => {
  let total = 0;
  let done = 0;
  return {
    begin: (count) => {
      total = count;
      note(`provisioning ${count} ${count === 1 ? "tenant" : "tenants"}`);
    },
    row: (row, outcome) => {
      done += 1;
      if (outcome.outcome === "failed") note(`failed: ${failedLine(row, outcome)}`);
      else if (total <= 20) note(`${row.tenant.slug}: ${outcome.outcome}`);
      if (total > 20 && done % Math.ceil(total / 10) === 0) note(`${done} of ${total} tenants`);
    },
    retry: ({ line, tenant }, error) => note(`line ${line}, ${tenant.slug}: trying again: ${failureOf(error).detail}`),
    end: () => {},
  };
};

/** `provisioning  ━━━━━━────  412/1000  2 failed  12s left`, in no more than `width` columns. */
export const barLine = (
  { value, total, failed, seconds }: { value: number; total: number; failed: number; seconds: number },
  width: number,
): string => {
  const share = total === 0 ? 1 : value / total;
  const numbers = [
    `${String(value).padStart(String(total).length)}/${total}`,
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(value === 0 || value === total ? [] : [`${durationText(Math.round((seconds / share) * (1 - share)))} left`]),
  ].join("  ");
  return barText("provisioning", share, numbers, width);
};

/** Failures that are named below a bar; the report has all of them. */
const mostNamed = 20;

const progressBar = async (stream: NodeJS.WriteStream, note: (line: string) => void): Promise<Progress> => {
  const start = await loadBars(stream);
  let bar: SingleBar | undefined;
  let failed = 0;
  const named: string[] = [];
  return {
    begin: (total) => {
      bar = start(total, (state, width) => barLine({ ...state, failed }, width));
    },
    row: (row, outcome) => {
      if (outcome.outcome === "failed") {
        failed += 1;
        if (named.length < mostNamed) named.push(failedLine(row, outcome));
      }
      bar?.increment();
    },
    retry: () => {},
    end: () => {
      bar?.stop();
      bar = undefined;
      for (const line of named.splice(0)) note(`failed: ${line}`);
      if (failed > mostNamed) note(`and ${failed - mostNamed} more failed`);
      failed = 0;
    },
  };
};

/** A bar for people, lines for a log, nothing where stdout's JSON is all that is wanted. */
export const progressFor = async ({ out, settings }: Invocation): Promise<Progress> => {
  if (settings.output === "json" || settings.output === "jsonl") return silent;
  return isWatched(settings) ? progressBar(process.stderr, out.note) : progressLines(out.note);
};
