import { cpus, loadavg, totalmem } from "node:os";
import { median, type Ratio, ratioOf, type Timing } from "./compare.ts";
import type { BackupTimes } from "./measure-backup.ts";
import type { RestoreTimes } from "./measure-restore.ts";
import type { Sizes } from "./sizes.ts";

export interface Line {
  readonly what: string;
  readonly ratio: Ratio;
  /** What the ratio is to be at the most. */
  readonly target: number;
  readonly times: readonly [candidate: Timing, reference: Timing];
}

const line = (what: string, candidate: Timing, reference: Timing, target: number): Line => ({
  what,
  ratio: ratioOf(candidate, reference),
  target,
  times: [candidate, reference],
});

/** A comparison is the candidate's time in units of the reference's: below 1 is faster. */
export const backupLines = ({ tenantctl, guide, pgDump }: BackupTimes): Line[] => [
  line("backup of all tenants : the guide's script", tenantctl, guide, 1 / 8),
  line("backup of all tenants : pg_dump -Fc -Z1 of the same tables", tenantctl, pgDump, 1.5),
];

export const restoreLine = ({ tenantctl, copy }: RestoreTimes): Line =>
  line("restore of one tenant : psql \\copy of the same rows", tenantctl, copy, 2);

export const misses = ({ ratio, target }: Line): boolean => !(ratio.middle <= target);

const number = (value: number): string => (value < 0.995 ? value.toPrecision(2) : value.toFixed(2));
const spread = ({ lowest, highest }: Ratio): string => `${number(lowest)}–${number(highest)}`;

/** The comparison as a Markdown table, which is readable on a terminal too. */
export const tableText = (lines: readonly Line[]): string => {
  const head = ["time of : time of", "ratio", "spread", "at most", "seconds (median)"];
  const rows = lines.map((line) => [
    line.what,
    number(line.ratio.middle),
    spread(line.ratio),
    `${number(line.target)}${misses(line) ? " (missed)" : ""}`,
    line.times.map(({ seconds }) => median(seconds).toFixed(2)).join(" : "),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const text = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [text(head), text(widths.map((width) => "-".repeat(width))), ...rows.map(text)].join("\n");
};

/** What was measured, and on what. */
export const conditions = (sizes: Sizes, postgres: string, peakMemory: number | undefined): string => {
  const processors = cpus();
  const model = (processors[0]?.model ?? "").replace(/\s+/g, " ").trim();
  return [
    `${sizes.tenants} tenants with ${sizes.customersEach} customers each; one tenant with ${sizes.restoredRows} rows restored;`,
    `${sizes.rounds} rounds. PostgreSQL ${postgres} (fsync on), the API and the programs on one machine:`,
    `${processors.length} × ${model || process.arch}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}.`,
    // What else the machine did shows in the ratios' spread; on an idle one the bench alone comes to about 2.
    `Load average: ${(loadavg()[2] ?? 0).toFixed(1)}.`,
    ...(peakMemory === undefined ? [] : [`The API's memory reached ${peakMemory} MiB.`]),
  ].join(" ");
};
