import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { CheckRun } from "@tenantctl/contract";
import { beginFile, syncFolder } from "../backup/whole-file.ts";
import { usage } from "../cli-error.ts";

/** A report's file, looked at before there is anything to write. */
export interface ReportTarget {
  readonly path: string;
  readonly format: "html" | "md";
}

/** Where a report goes; undefined where none is asked for. Throws a usage error for what can't be written. */
export const reportTarget = async (path: string | undefined): Promise<ReportTarget | undefined> => {
  if (path === undefined) return undefined;
  const format = /\.html?$/i.test(path) ? "html" : /\.(md|markdown)$/i.test(path) ? "md" : undefined;
  if (format === undefined) throw usage(`--report ${path}: a report ends in .html or .md`, "Say --report report.html.");
  const folder = dirname(resolve(path));
  if (!(await stat(folder).catch(() => undefined))?.isDirectory())
    throw usage(`--report ${path}: there is no folder ${folder}`, "Make it, or name another.");
  if ((await stat(path).catch(() => undefined))?.isDirectory())
    throw usage(`--report ${path} is a folder`, "Name the file in it.");
  return { path, format };
};

/** Writes the report of a run: whole, or not at all. */
export const writeReport = async ({ path, format }: ReportTarget, run: CheckRun, system: string): Promise<void> => {
  const text =
    format === "md"
      ? (await import("./run-markdown.ts")).runMarkdown(run, system)
      : await (await import("./run-html.ts")).runHtml(run, system);
  const file = beginFile(path);
  try {
    await file.write(new TextEncoder().encode(text));
    await file.finish(path);
    await syncFolder(dirname(resolve(path)));
  } finally {
    await file.discard();
  }
};
