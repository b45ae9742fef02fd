import { hostname } from "node:os";
import { resolve } from "node:path";
import type { BodyOf, Routes } from "@tenantctl/contract";
import { failureOf } from "../report-error.ts";
import type { Api } from "../session/api.ts";
import { itemsOf, type RunRecord } from "./run-record.ts";
import { withRetries } from "./transience.ts";

type Report = BodyOf<Routes["backups.report"]>;
export type ReportItem = Report["items"][number];

/** As many as one call takes. */
const itemsPerCall = 1000;

export interface RunReport extends Pick<Report, "runId" | "kind" | "startedAt"> {
  readonly repository: string;
  readonly finishedAt: string;
  readonly exitCode: number;
  readonly expiresAt?: string | undefined;
  readonly items: readonly ReportItem[];
}

/** What a backup run did, for the API. */
export const backupItems = (record: RunRecord): ReportItem[] =>
  itemsOf(record).map(({ tenant, item }) => ({
    tenantId: tenant?.id ?? null,
    outcome: item.outcome === "saved" ? "ok" : item.outcome === "failed" ? "failed" : "gone",
    snapshotAt: item.snapshotAt,
    bytes: item.outcome === "saved" ? item.bytes : null,
    sha256: item.sha256,
    seconds: item.seconds,
    error: item.error === null ? null : item.error.detail.replaceAll("\0", "").slice(0, 1000),
  }));

/** Control characters are no part of a name that others read. */
const line = (text: string, most: number): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to replace
  text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?").slice(0, most);

/**
 * Tells the API what a run did; the last call closes it. What is in the repository stands whether or not the API hears of
 * it, so a failure is only said.
 */
export const reportRun = async (api: Api, report: RunReport, note: (line: string) => void): Promise<void> => {
  const { items, finishedAt, exitCode, repository, expiresAt = null, ...run } = report;
  const common = { ...run, expiresAt, repository: line(resolve(repository), 500), host: line(hostname(), 200) };
  try {
    for (let from = 0; ; from += itemsPerCall) {
      const isLast = from + itemsPerCall >= items.length;
      const body = {
        ...common,
        items: items.slice(from, from + itemsPerCall),
        ...(isLast ? { finishedAt, exitCode } : {}),
      };
      // The same again changes nothing; what the API never hears of raises an alert for backups that are there.
      await withRetries(() => api.call("backups.report", { body }));
      if (isLast) return;
    }
  } catch (error) {
    note(`the API was not told of this ${report.kind} run: ${failureOf(error).detail}`);
  }
};
