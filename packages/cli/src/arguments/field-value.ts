import { usage } from "../cli-error.ts";
import type { Field } from "./field.ts";

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const isUnit = (text: string | undefined): text is keyof typeof unitMs => text !== undefined && text in unitMs;

/** Milliseconds in `90s`, `15m`, `2h`, `7d`, `4w`; undefined for anything else. */
export const durationMs = (text: string): number | undefined => {
  const [, amount, unit] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  return isUnit(unit) ? Number(amount) * unitMs[unit] : undefined;
};

const timeOf = (field: Field, text: string, now: number): string => {
  const duration = durationMs(text);
  // What ends lies ahead, everything else is looked back to.
  if (duration !== undefined)
    return new Date(field.name.startsWith("expires") ? now + duration : now - duration).toISOString();
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw usage(
      `${nameOf(field)} takes a time such as 2025-12-01T10:00:00Z or a duration such as 24h or 7d, not "${text}"`,
    );
  return new Date(time).toISOString();
};

/** How messages name a field. */
export const nameOf = (field: Field): string => `--${field.flag}`;

const noLimit = new Set(["unlimited", "none", "never", "null"]);

/** The value that a typed text stands for. Gives a usage error that names the flag. `now` in milliseconds. */
export const fieldValue = (field: Field, text: string, now = Date.now()): unknown => {
  if (field.nullable && (text === "" || (field.kind !== "text" && noLimit.has(text)))) return null;
  switch (field.kind) {
    case "integer":
      if (!/^-?\d{1,16}$/.test(text) || !Number.isSafeInteger(Number(text)))
        throw usage(`${nameOf(field)} takes a whole number${field.nullable ? ' or "unlimited"' : ""}, not "${text}"`);
      return Number(text);
    case "number":
      if (!/^-?\d{1,15}(\.\d{1,15})?$/.test(text))
        throw usage(`${nameOf(field)} takes a number${field.nullable ? ' or "none"' : ""}, not "${text}"`);
      return Number(text);
    case "duration": {
      const ms = text === "0" ? 0 : durationMs(text);
      if (ms === undefined)
        throw usage(
          `${nameOf(field)} takes a duration such as 90s, 5m or 2h${field.nullable ? ', or "never"' : ""}, not "${text}"`,
        );
      return ms / 1000;
    }
    case "boolean":
      if (text !== "true" && text !== "false") throw usage(`${nameOf(field)} takes true or false, not "${text}"`);
      return text === "true";
    case "choice":
      if (!field.choices.includes(text))
        throw usage(`${nameOf(field)} takes one of ${field.choices.join(", ")}, not "${text}"`);
      return text;
    case "list":
      return text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "");
    case "time":
      return timeOf(field, text, now);
    case "text":
      return text;
  }
};
