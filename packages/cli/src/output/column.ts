/** How a value is written for people; an amount is in bytes where the row's `resource` says so. */
export type CellKind =
  | "text"
  | "time"
  | "bytes"
  | "percent"
  | "status"
  | "severity"
  | "yesNo"
  | "count"
  | "amount"
  | "duration"
  | "channels";

/** One column of a table, or one line of a record. */
export interface Column {
  /** Property of the row; dots go into nested objects. */
  readonly key: string;
  readonly title?: string;
  readonly as?: CellKind;
  /** What null means here; "-" unless said. */
  readonly none?: string;
  /** May be cut short, with …, where the terminal is narrow. */
  readonly flex?: boolean;
  /** Left out where the terminal is narrow: the highest number first. Columns without one always stay. */
  readonly drop?: number;
}

/** `contactEmail` → `contact email`; the last part of a dotted key. */
export const titleOf = ({ key, title }: Column): string =>
  title ?? (key.split(".").at(-1) ?? key).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** The value that a dotted key leads to. */
export const valueAt = (row: unknown, key: string): unknown =>
  key
    .split(".")
    .reduce<unknown>(
      (value, part) =>
        typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[part] : undefined,
      row,
    );
