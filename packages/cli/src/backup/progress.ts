import type { SingleBar } from "cli-progress";
import type { Invocation } from "../invocation.ts";
import { barText, isWatched, loadBars } from "../output/bar.ts";
import { bytesText } from "../output/cell.ts";
import { cleanLine } from "../output/clean.ts";
import { durationText } from "../output/duration.ts";
import { failureOf } from "../report-error.ts";
import type { ItemRecord } from "./run-record.ts";

/** What became of one file. */
export interface ProgressItem extends Pick<ItemRecord, "file" | "bytes" | "seconds" | "error"> {
  readonly outcome: ItemRecord["outcome"] | "whole" | "damaged";
}

/** How a run goes, told while it goes. */
export interface Progress {
  /** `total` counts files; `bytes` is what they have, where that is known: `read` then counts them as they come. */
  begin(total: number, folder: string, bytes?: number): void;
  read(bytes: number): void;
  item(name: string, item: ProgressItem): void;
  retry(slug: string, error: unknown): void;
  /** May be called twice. */
  end(): void;
}

/** For programs: nothing on stderr but errors. */
export const silent: Progress = { begin: () => {}, read: () => {}, item: () => {}, retry: () => {}, end: () => {} };

/** How a kind of work is spoken of. */
export interface Work {
  readonly label: string;
  readonly good: ProgressItem["outcome"];
  readonly bad: ProgressItem["outcome"];
  /** The first line of a log, and the one above a bar. */
  readonly begins: (files: number, folder: string, bytes: number) => readonly [log: string, bar: string];
}

export const backingUp: Work = {
  label: "backing up",
  good: "saved",
  bad: "failed",
  begins: (files, folder) => [
    `backing up ${files - 1} ${files === 2 ? "tenant" : "tenants"} and the system to ${folder}`,
    `backing up to ${folder}`,
  ],
};

export const verifying: Work = {
  label: "verifying",
  good: "whole",
  bad: "damaged",
  begins: (files, folder, bytes) => {
    const line = `verifying ${files} ${files === 1 ? "file" : "files"}, ${bytesText(bytes)}, in ${folder}`;
    return [line, line];
  },
};

/** One line per tenant for a few, one per tenth for many; what is unusual always. */
export const progressLines = (note: (line: string) => void, work: Work = backingUp): Progress => {
  let total = 0;
  let done = 0;
  let bytes = 0;
  return {
    begin: (count, folder, size = 0) => {
      total = count;
      note(work.begins(count, folder, size)[0]);
    },
    read: () => {},
    item: (name, { outcome, bytes: size }) => {
      done += 1;
      bytes += size;
      if (outcome === "gone") note(`${name}: deleted for good since the run began`);
      else if (outcome === work.good && total <= 20) note(`${name}: ${outcome}, ${bytesText(size)}`);
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
    begin: (total, folder, bytes) => log("begin", { files: total, folder, bytes }),
    read: () => {},
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
  /** Of how many, where that is known. */
  readonly ofBytes?: number | undefined;
  readonly failed: number;
  readonly seconds: number;
}

/** `backing up  ━━━━━━────  412/1000  12.3 MB  12s left`, in no more than `width` columns. */
export const barLine = (
  { value, total, bytes, ofBytes = 0, failed, seconds }: Moment,
  width: number,
  work = backingUp,
): string => {
  // A few large files move by their bytes, many small ones by their number.
  const part = ofBytes > 0 ? bytes / ofBytes : value / total;
  const share = total === 0 || value === total ? 1 : Math.min(part, 1);
  const left = share === 0 ? undefined : Math.round((seconds / share) * (1 - share));
  const numbers = [
    `${String(value).padStart(String(total).length)}/${total}`,
    bytesText(bytes),
    ...(failed === 0 ? [] : [`${failed} ${work.bad}`]),
    ...(left === undefined || value === total ? [] : [`${durationText(left)} left`]),
  ].join("  ");
  return barText(work.label, share, numbers, width);
};

/** A bar for people, on stderr. What it cannot show (retries, who failed) is in the summary. */
const progressBar = async (stream: NodeJS.WriteStream, note: (line: string) => void, work: Work): Promise<Progress> => {
  const start = await loadBars(stream);
  let bar: SingleBar | undefined;
  let bytes = 0;
  let ofBytes: number | undefined;
  let failed = 0;
  const gone: string[] = [];
  return {
    begin: (total, folder, size) => {
      ofBytes = size;
      note(work.begins(total, folder, size ?? 0)[1]);
      bar = start(total, (state, width) => barLine({ ...state, bytes, ofBytes, failed }, width, work));
    },
    read: (count) => {
      bytes += count;
    },
    item: (name, record) => {
      if (ofBytes === undefined) bytes += record.bytes;
      if (record.outcome === work.bad) failed += 1;
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

/** A bar for people, lines for a log, JSON lines for programs; nothing where stdout's JSON is all that is wanted. */
export const progressFor = async ({ out, settings, flags }: Invocation, work: Work): Promise<Progress> => {
  const { stderr } = process;
  if (flags.jsonLog === true) return jsonLines((line) => void stderr.write(`${line}\n`));
  if (settings.output === "json" || settings.output === "jsonl") return silent;
  return isWatched(settings) ? progressBar(stderr, out.note, work) : progressLines(out.note, work);
};

/** What is told beside progress: with --json-log it is a line of that log. */
export const noteLine = ({ out, flags }: Invocation): ((line: string) => void) =>
  flags.jsonLog === true
    ? (line) =>
        void process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), event: "note", detail: line })}\n`)
    : out.note;
