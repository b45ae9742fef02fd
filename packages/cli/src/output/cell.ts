import { cleanLine } from "./clean.ts";
import { type Column, valueAt } from "./column.ts";

const isTime = (text: string): boolean => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text);

/** Bytes in the largest unit that leaves a number below 1000 (kB = 1000 bytes). */
export const bytesText = (bytes: number): string => {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
};

/** Seconds in the largest unit that leaves a whole number: `90s`, `5m`, `2h`, `7d`. */
export const durationText = (seconds: number): string => {
  const units = [
    ["d", 86_400],
    ["h", 3600],
    ["m", 60],
  ] as const;
  const unit = units.find(([, length]) => seconds >= length && seconds % length === 0);
  return unit === undefined ? `${seconds}s` : `${seconds / unit[1]}${unit[0]}`;
};

/** A time to the second, in UTC; tables say so in their heading. */
export const timeText = (iso: string): string => iso.slice(0, 19).replace("T", " ");

/** A contact's webhook: where to, and what is wrong with it. */
const channelText = (channel: unknown): string => {
  const status = String(valueAt(channel, "status"));
  return cleanLine(`${status === "ok" ? "" : `${status}: `}${valueAt(channel, "host")}`);
};

/** A value as one safe line of text. */
export const cellText = (value: unknown, { as: kind, none = "-" }: Partial<Column> = {}, row?: unknown): string => {
  if (value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0))
    return none;
  if (typeof value === "number") {
    if (kind === "bytes" || (kind === "amount" && valueAt(row, "resource") === "storage_bytes"))
      return bytesText(value);
    if (kind === "duration") return durationText(value);
    return kind === "percent" ? `${value} %` : String(value);
  }
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return isTime(value) ? timeText(value) : cleanLine(value);
  if (kind === "channels" && Array.isArray(value)) return value.map(channelText).join(", ");
  if (Array.isArray(value)) return value.map((item) => cellText(item)).join(", ");
  return cleanLine(JSON.stringify(value));
};

const colours: Readonly<Record<string, "green" | "yellow" | "red" | "dim">> = {
  active: "green",
  ok: "green",
  succeeded: "green",
  success: "green",
  resolved: "dim",
  acknowledged: "yellow",
  suspended: "yellow",
  degraded: "yellow",
  warning: "yellow",
  denied: "yellow",
  running: "yellow",
  cancelled: "dim",
  deleted: "red",
  purged: "red",
  failed: "red",
  delivered: "green",
  pending: "yellow",
  failure: "red",
  critical: "red",
  down: "red",
  open: "red",
  firing: "red",
  broken: "red",
  unavailable: "yellow",
  clear: "green",
};

/** The colour of a status word, where it has one. */
export const colourOf = (text: string): "green" | "yellow" | "red" | "dim" | undefined => colours[text];
