import stringWidth from "string-width";
import { cellText, colourOf } from "./cell.ts";
import { type Column, titleOf } from "./column.ts";
import type { Paint } from "./paint.ts";
import { tableText } from "./table.ts";

/** Cuts a text into lines of at most `width` columns, between words where it can. */
export const wrap = (text: string, width: number): string[] => {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && stringWidth(`${line} ${word}`) > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
    while (stringWidth(line) > width) {
      lines.push([...line].slice(0, width).join(""));
      line = [...line].slice(width).join("");
    }
  }
  return [...lines, line];
};

const isRow = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const numbers: Readonly<Record<string, Partial<Column>>> = {
  percentage: { title: "in use", as: "percent" },
  limit: { as: "amount", none: "unlimited" },
  used: { as: "amount" },
};

/** Quotas in a tenant and points in metrics: the columns are the rows' own properties. */
const columnsOf = (rows: readonly Readonly<Record<string, unknown>>[]): Column[] =>
  Object.entries(rows[0] ?? {}).map(([key, value], index) => ({
    key,
    ...(typeof value === "number" ? { as: "count" as const } : {}),
    ...(key === "at" || key.endsWith("At") ? { as: "time" as const, title: titleOf({ key }).replace(/ at$/, "") } : {}),
    ...numbers[key],
    ...(index > 2 ? { drop: index } : { flex: true }),
  }));

/** A record as lines of name and value; lists of objects follow as tables. `width`: where long values wrap. */
export const recordText = (
  record: Readonly<Record<string, unknown>>,
  cells: readonly Column[],
  paint: Paint,
  width: number | undefined,
): string => {
  const isTable = (value: unknown): boolean => Array.isArray(value) && value.length > 0 && value.every(isRow);
  const entries = Object.entries(record).flatMap(([key, value]): [string, unknown][] =>
    isRow(value) ? Object.entries(value).map(([inner, item]) => [`${key}.${inner}`, item]) : [[key, value]],
  );
  const plain = entries.filter(([, value]) => !isTable(value));
  const titles = plain.map(([key]) => {
    const column = cells.find((cell) => cell.key === key) ?? { key };
    return key.includes(".") && column.title === undefined
      ? key
          .split(".")
          .map((part) => titleOf({ key: part }))
          .join(" ")
      : titleOf(column);
  });
  const widest = Math.max(0, ...titles.map((title) => stringWidth(title)));
  const room = width === undefined ? Number.POSITIVE_INFINITY : Math.max(20, width - widest - 2);
  const lines = plain.map(([key, value], index) => {
    const kind = cells.find((cell) => cell.key === key)?.as;
    const text =
      cellText(
        value,
        cells.find((cell) => cell.key === key),
      ) + (typeof value === "string" && /^\d{4}-\d\d-\d\dT.*Z$/.test(value) ? " UTC" : "");
    const colour = kind === "status" || /^(status|severity|outcome)$/.test(key) ? colourOf(text) : undefined;
    const title = (titles[index] ?? "").padEnd(widest);
    const [first = "", ...rest] = room === Number.POSITIVE_INFINITY ? [text] : wrap(text, room);
    return [
      `${paint.dim(title)}  ${colour === undefined ? first : paint[colour](first)}`,
      ...rest.map((line) => `${" ".repeat(widest)}  ${line}`),
    ].join("\n");
  });
  const tables = entries
    .filter(([, value]) => isTable(value))
    .map(([key, value]) => {
      const rows = (value as unknown[]).filter(isRow);
      const { text } = tableText(rows, columnsOf(rows), paint, width === undefined ? undefined : width - 2);
      return `\n${paint.dim(titleOf({ key }))}\n${text
        .split("\n")
        .map((line) => `  ${line}`)
        .join("\n")}`;
    });
  return [...lines, ...tables].join("\n");
};
