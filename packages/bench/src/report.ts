import { median } from "./compare.ts";
import type { Measure } from "./section.ts";
import type { Finding } from "./verdict.ts";

const number = (value: number): string => {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) < 0.995 ? value.toPrecision(2) : Math.abs(value) < 100 ? value.toFixed(2) : value.toFixed(0);
};

const withUnit = (text: string, { unit }: Measure): string => (unit === "×" ? text : `${text} ${unit}`);

const bound = (measure: Measure, value: number | undefined): string =>
  value === undefined ? "" : withUnit(`${measure.better === "higher" ? "≥" : "≤"} ${number(value)}`, measure);

const spread = (values: readonly number[]): string =>
  values.length < 2 ? "" : `${number(Math.min(...values))}–${number(Math.max(...values))}`;

const cells = ({ measure, sample, verdict }: Finding): string[] => [
  measure.what,
  sample === undefined ? "–" : withUnit(number(median(sample.values)), measure),
  sample === undefined ? "" : spread(sample.values),
  bound(measure, measure.must),
  bound(measure, measure.aim),
  verdict === "missed" || verdict === "not measured" ? `**${verdict}**` : verdict,
  sample?.detail ?? "",
];

const head = ["measure", "result", "spread", "must reach", "aim", "", "in the middle"];

/** The findings as a Markdown table, which is readable on a terminal too. */
export const tableText = (findings: readonly Finding[]): string => {
  const rows = findings.map(cells);
  const widths = head.map((title, column) => Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const text = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [text(head), text(widths.map((width) => "-".repeat(width))), ...rows.map(text)].join("\n");
};
