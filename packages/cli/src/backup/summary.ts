import { bytesText } from "../output/cell.ts";
import type { RunRecord } from "./run-record.ts";

const namedAtMost = 5;

/** `acme (timeout), globex (internal) and 3 more` */
export const failedText = ({ tenants }: RunRecord): string => {
  const failed = tenants.filter(({ outcome }) => outcome === "failed");
  const names = failed.slice(0, namedAtMost).map(({ slug, error }) => `${slug} (${error?.code})`);
  const more = failed.length - names.length;
  return names.join(", ") + (more > 0 ? ` and ${more} more` : "");
};

/** The line that says it all. */
export const summaryLine = (record: RunRecord): string => {
  const { saved, failed, gone, bytes, startedAt, finishedAt, folder } = record;
  const all = saved + failed;
  const seconds = (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
  const many = failed === 0 ? String(saved) : `${saved} of ${all}`;
  return [
    `backed up ${many} ${all === 1 ? "tenant" : "tenants"}, ${bytesText(bytes)}, in ${seconds.toFixed(1)} s: ${folder}`,
    ...(gone === 0 ? [] : [`${gone} gone`]),
    ...(failed === 0 ? [] : [`failed: ${failedText(record)}`]),
  ].join("; ");
};
