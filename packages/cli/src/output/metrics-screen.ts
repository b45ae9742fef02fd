import type { ResultOf, Routes } from "@tenantctl/contract";
import { bytesText, timeText } from "./cell.ts";
import { cleanLine } from "./clean.ts";
import type { Column } from "./column.ts";
import { cut } from "./cut.ts";
import type { Paint } from "./paint.ts";
import { sparkline } from "./sparkline.ts";
import { tableText } from "./table.ts";

type Metrics = ResultOf<Routes["metrics.get"]>;
type Point = Metrics["points"][number];

interface Screen {
  /** As it was named; undefined: the system. */
  readonly tenant: string | undefined;
  readonly paint: Paint;
  readonly width: number;
  readonly utf8: boolean;
}

const labelWidth = 11;
const totalWidth = 19;
const peakWidth = 15;

const countText = (count: number): string => count.toLocaleString("en-US");
const msText = (ms: number | null): string => {
  if (ms === null) return "-";
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
};
const shareText = (part: number, whole: number): string =>
  part === 0 || whole === 0 ? "" : ` (${((part * 100) / whole).toFixed(1)} %)`;

const series: readonly {
  readonly label: string;
  readonly total: (totals: Metrics["totals"]) => string;
  readonly of: (point: Point) => number | null;
  readonly text: (value: number) => string;
}[] = [
  { label: "requests", total: ({ requests }) => countText(requests), of: (point) => point.requests, text: countText },
  {
    label: "errors",
    total: ({ errors, requests }) => countText(errors) + shareText(errors, requests),
    of: (point) => point.errors,
    text: countText,
  },
  {
    label: "p95",
    total: ({ latencyP95Ms }) => msText(latencyP95Ms),
    of: (point) => point.latencyP95Ms,
    text: (ms) => msText(ms),
  },
  {
    label: "bytes sent",
    total: ({ bytesSent }) => bytesText(bytesSent),
    of: (point) => point.bytesSent,
    text: bytesText,
  },
];

const heaviestColumns: readonly Column[] = [
  { key: "slug", title: "heaviest", flex: true },
  { key: "requests", as: "count" },
  { key: "errors", as: "count" },
  { key: "bytesSent", as: "bytes", drop: 1 },
  { key: "latencyP95Ms", title: "p95 ms", as: "count", drop: 2 },
];

/** Totals and one line over time per series, each line at most `width` wide. */
export const metricsText = (metrics: Metrics, { tenant, paint, width, utf8 }: Screen): string => {
  const { totals, points, heaviest, rows, bytes } = metrics;
  const line = (label: string, text: string): string => paint.dim(label.padEnd(labelWidth)) + text;
  const minute = (iso: string): string => timeText(iso).slice(0, 16);
  const room = width - labelWidth - totalWidth - peakWidth;
  const over = series.map(({ label, total, of, text }) => {
    const values = points.map(of);
    const peak = Math.max(0, ...values.map((value) => value ?? 0));
    const chart = room < 8 ? "" : sparkline(values, room, utf8).padEnd(room);
    const most = peak === 0 ? "" : `  most ${text(peak)}`;
    return line(label, cut(`${total(totals).padEnd(totalWidth)}${chart}${most}`.trimEnd(), width - labelWidth));
  });
  const held =
    rows === null
      ? []
      : [line("rows held", countText(rows)), ...(bytes === null ? [] : [line("bytes held", bytesText(bytes))])];
  const table = heaviest.length === 0 ? [] : ["", tableText(heaviest, heaviestColumns, paint, width).text];
  return [
    line("about", cut(tenant === undefined ? "the system" : cleanLine(tenant), width - labelWidth)),
    line("time", cut(`${minute(metrics.since)} to ${minute(metrics.until)} UTC`, width - labelWidth)),
    line("step", `${metrics.stepMinutes} min`),
    ...over,
    ...held,
    ...table,
  ].join("\n");
};
