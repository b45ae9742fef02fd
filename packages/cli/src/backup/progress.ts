import type { SingleBar } from "cli-progress";
import { bytesText } from "../output/cell.ts";
import { cleanLine } from "../output/clean.ts";
import { durationText } from "../output/duration.ts";
import { failureOf } from "../report-error.ts";
import type { ItemRecord } from "./run-record.ts";

/** How a run goes, told while it goes. */
export interface Progress {
  /** `total` counts files: one for each tenant and the system's. */
  begin(total: number, folder: string): void;
  item(name: string, record: ItemRecord): void;
  retry(slug: string, error: unknown): void;
  /** May be called twice. */
  end(): void;
}

/** For programs: nothing on stderr but errors. */
export const silent: Progress = { begin: () => {}, item: () => {}, retry: () => {}, end: () => {} };

/** One line per tenant for a few, one per tenth for many; what is unusual always. */
export const progressLines = (note: (line: string) => void): Progress => {
  let total = 0;
  let done = 0;
  let bytes = 0;
  return {
    begin: (count, folder) => {
      total = count;
      note(`backing up ${count - 1} ${count === 2 ? "tenant" : "tenants"} and the system to ${folder}`);
    },
    item: (name, { outcome, bytes: size }) => {
      done += 1;
      bytes += size;
      if (outcome === "gone") note(`${name}: deleted for good since the run began`);
      else if (outcome === "saved" && total <= 20) note(`${name}: saved, ${bytesText(size)}`);
      else if (total > 20 && done % Math.ceil(total / 10) === 0) note(`${done} of ${total} files, ${bytesText(bytes)}`);
    },
    retry: (slug, error) => note(`${slug}: trying again: ${failureOf(error).detail}`),
    end: () => {},
  };
};

/** One JSON object a line, for log collectors. `write` gets it without a line end. */
export const jsonLines = (write: (line: string) => void): Progress => {
  const log = (event: string, more: Readonly<Record<string, unknown>>): void =>
    write(JSON.stringify({ at: new Date().toISOString(), event, ...more }));
  return {
    begin: (total, folder) => log("begin", { files: total, folder }),
    item: (name, { outcome, file, bytes, seconds, error }) => log(outcome, { name, file, bytes, seconds, error }),
    retry: (name, error) => {
      const { code, detail } = failureOf(error);
      log("retry", { name, error: { code, detail } });
    },
    end: () => {},
  };
};

interface Moment {
  readonly value: number;
  readonly total: number;
  readonly bytes: number;
  readonly failed: number;
  readonly seconds: number;
}

/** `backing up  ━━━━━━────  412/1000  12.3 MB  12s left`, in no more than `width` columns. */
export const barLine = ({ value, total, bytes, failed, seconds }: Moment, width: number): string => {
  const left = value === 0 ? undefined : Math.round((seconds / value) * (total - value));
  const numbers = [
    `${String(value).padStart(String(total).length)}/${total}`,
    bytesText(bytes),
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(left === undefined || value === total ? [] : [`${durationText(left)} left`]),
  ].join("  ");
  const label = "backing up  ";
  // One column stays free: a full line would wrap on some terminals.
  const room = Math.min(40, width - 1 - numbers.length - label.length - 2);
  if (room < 6) return `${label}${numbers}`.slice(0, width - 1);
  const full = total === 0 ? room : Math.round((value / total) * room);
  return `${label}${"━".repeat(full)}${"─".repeat(room - full)}  ${numbers}`;
};

/** A bar for people, on stderr. What it cannot show (retries, who failed) is in the summary. */
export const progressBar = async (stream: NodeJS.WriteStream, note: (line: string) => void): Promise<Progress> => {
  const { default: cliProgress } = await import("cli-progress");
  let bar: SingleBar | undefined;
  let bytes = 0;
  let failed = 0;
  const gone: string[] = [];
  return {
    begin: (total, folder) => {
      note(`backing up to ${folder}`);
      bar = new cliProgress.SingleBar({
        stream,
        clearOnComplete: true,
        hideCursor: null,
        linewrap: null,
        gracefulExit: false,
        forceRedraw: true,
        format: (_, params) =>
          barLine(
            {
              value: params.value,
              total: params.total,
              bytes,
              failed,
              seconds: (Date.now() - params.startTime) / 1000,
            },
            stream.columns || 80,
          ),
      });
      bar.start(total, 0);
    },
    item: (name, record) => {
      bytes += record.bytes;
      if (record.outcome === "failed") failed += 1;
      if (record.outcome === "gone") gone.push(name);
      bar?.increment();
    },
    retry: () => {},
    end: () => {
      bar?.stop();
      bar = undefined;
      for (const slug of gone.splice(0)) note(cleanLine(`${slug}: deleted for good since the run began`));
    },
  };
};
