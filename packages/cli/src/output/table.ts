import Table from "cli-table3";
import stringWidth from "string-width";
import { cellText, colourOf } from "./cell.ts";
import { type Column, titleOf, valueAt } from "./column.ts";
import type { Paint } from "./paint.ts";

const gap = 2;
const narrowest = 10;

/** cli-table3 without lines: columns apart by spaces, nothing at the end of a line that must be trimmed by hand. */
const bare = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

interface Fitted {
  readonly columns: readonly { readonly column: Column; readonly width: number }[];
  readonly dropped: number;
}

/** What goes when all that may is gone: a time, then a count, the last one first. Half an id or a name of four letters is worse. */
const leastMissed = <C extends { readonly column: Column }>(kept: readonly C[]): C | undefined =>
  kept.length <= 2
    ? undefined
    : (kept.findLast(({ column }) => column.as === "time") ?? kept.findLast(({ column }) => isNumber(column)));

/** Which columns fit into `width` (none: all), how wide each is, and how many had to go. */
const fit = (columns: readonly Column[], natural: readonly number[], width: number | undefined): Fitted => {
  const kept = columns.map((column, index) => ({ column, width: natural[index] ?? 0 }));
  if (width === undefined) return { columns: kept, dropped: 0 };
  const total = (): number => kept.reduce((sum, { width }) => sum + width, 0) + gap * (kept.length - 1);
  const shrinkable = (): number =>
    kept.reduce((sum, { column, width }) => sum + (column.flex ? Math.max(0, width - narrowest) : 0), 0);
  while (total() - shrinkable() > width) {
    const next =
      kept
        .filter(({ column }) => column.drop !== undefined)
        .sort((a, b) => (b.column.drop ?? 0) - (a.column.drop ?? 0))[0] ?? leastMissed(kept);
    if (next === undefined) break;
    kept.splice(kept.indexOf(next), 1);
  }
  // The widest gives a column at a time, so that short ones stay whole; those that may not be cut only at the last.
  while (total() > width) {
    const byWidth = [...kept].sort((a, b) => b.width - a.width);
    const widest = byWidth.find((one) => one.column.flex === true && one.width > 4) ?? byWidth[0];
    if (widest === undefined || widest.width <= 4) break;
    widest.width -= 1;
  }
  return { columns: kept, dropped: columns.length - kept.length };
};

/** A table of rows. With a width its lines are no longer than that; without one nothing is cut. */
export const tableText = (
  rows: readonly unknown[],
  columns: readonly Column[],
  paint: Paint,
  width: number | undefined,
): { text: string; dropped: number } => {
  const heads = columns.map((column) => titleOf(column).toUpperCase() + (column.as === "time" ? " (UTC)" : ""));
  const cells = rows.map((row) => columns.map((column) => cellText(valueAt(row, column.key), column, row)));
  const natural = columns.map((_, index) =>
    [heads[index] ?? "", ...cells.map((row) => row[index] ?? "")].reduce(
      (most, text) => Math.max(most, stringWidth(text)),
      1,
    ),
  );
  const fitted = fit(columns, natural, width);
  const table = new Table({
    chars: bare,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
    colWidths: fitted.columns.map((column) => column.width),
    colAligns: fitted.columns.map(({ column }) => (isNumber(column) ? "right" : "left")),
  });
  const indexes = fitted.columns.map(({ column }) => columns.indexOf(column));
  table.push(indexes.map((index) => paint.dim(heads[index] ?? "")));
  for (const row of cells)
    table.push(
      indexes.map((index) => {
        const text = row[index] ?? "";
        const colour =
          columns[index]?.as === "status" || columns[index]?.as === "severity" ? colourOf(text) : undefined;
        return colour === undefined ? text : paint[colour](text);
      }),
    );
  const lines = table.toString().split("\n");
  return {
    text: lines.map((line) => line.trimEnd()).join("\n"),
    dropped: fitted.dropped,
  };
};

const isNumber = ({ as }: Column): boolean => as === "bytes" || as === "percent" || as === "count" || as === "amount";
