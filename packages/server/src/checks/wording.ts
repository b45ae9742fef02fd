import type { CheckResult } from "@tenantctl/contract";
import { checkResults } from "@tenantctl/contract";

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${whole(count)} ${count === 1 ? one : many}`;

/** A number with its thousands apart. */
export const whole = (count: number): string => Math.round(count).toLocaleString("en-US");

const units = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

export const bytes = (count: number): string => {
  let value = count;
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
};

/** The first lines of a list, and how many more there are. */
export const some = (lines: readonly string[], total: number, most = 8): string[] => {
  const shown = lines.slice(0, most);
  return total > shown.length ? [...shown, `… and ${whole(total - shown.length)} more`] : shown;
};

/** A time as people read it, in UTC. */
export const minute = (iso: string): string => `${iso.slice(0, 16).replace("T", " ")} UTC`;

export const worst = (results: readonly CheckResult[]): CheckResult =>
  results.reduce<CheckResult>(
    (most, one) => (checkResults.indexOf(one) > checkResults.indexOf(most) ? one : most),
    "ok",
  );
