import { bytesText } from "../output/cell.ts";
import { itemsOf, type RunRecord } from "./run-record.ts";

const namedAtMost = 5;

/** `acme (timeout), globex (internal) and 3 more` */
export const failedText = (record: RunRecord): string => {
  const failed = itemsOf(record).filter(({ item }) => item.outcome === "failed");
  const names = failed.slice(0, namedAtMost).map(({ name, item }) => `${name} (${item.error?.code})`);
  const more = failed.length - names.length;
  return names.join(", ") + (more > 0 ? ` and ${more} more` : "");
};

/** True where every file of the run is there. */
export const isComplete = (record: RunRecord): boolean =>
  itemsOf(record).every(({ item }) => item.outcome !== "failed");

/** The line that says it all. */
export const summaryLine = (record: RunRecord, folder: string): string => {
  const { saved, failed, gone, bytes, startedAt, finishedAt, recipients } = record;
  const all = saved + failed;
  const seconds = (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
  const many = failed === 0 ? String(saved) : `${saved} of ${all}`;
  const size = `${bytesText(bytes)}${recipients.length === 0 ? "" : " encrypted"}`;
  return [
    `backed up ${many} ${all === 1 ? "tenant" : "tenants"}, ${size}, in ${seconds.toFixed(1)} s: ${folder}`,
    ...(gone === 0 ? [] : [`${gone} gone`]),
    ...(isComplete(record) ? [] : [`failed: ${failedText(record)}`]),
  ].join("; ");
};
