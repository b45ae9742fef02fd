import type { CheckItem, CheckResult } from "@tenantctl/contract";
import { cleanLine } from "./clean.ts";
import type { Paint } from "./paint.ts";
import { wrap } from "./record.ts";

const marks = {
  ok: { mark: "ok", colour: "green" },
  needs_person: { mark: "person", colour: "cyan" },
  warning: { mark: "warning", colour: "yellow" },
  problem: { mark: "problem", colour: "red" },
} as const satisfies Record<CheckResult, { readonly mark: string; readonly colour: keyof Paint }>;

/** Columns before the text: the longest mark, and two blanks. */
const indent = 9;

/**
 * Items as a list, each with its mark and title, its evidence under it, and `next: …` where there is something to do.
 * `width`: where long lines wrap; undefined in a pipe, where they do not. Commands are never wrapped, so that they can
 * be copied.
 */
export const checkItemsText = (items: readonly CheckItem[], paint: Paint, width: number | undefined): string => {
  const room = width === undefined ? Number.POSITIVE_INFINITY : Math.max(20, width - indent);
  // What stands under another line begins with blanks; so does what of it is wrapped.
  const lines = (text: string): string[] => {
    if (room === Number.POSITIVE_INFINITY) return [text];
    const lead = /^ {0,8}/.exec(text)?.[0] ?? "";
    return wrap(text.slice(lead.length), room - lead.length).map((line) => `${lead}${line}`);
  };
  const under = " ".repeat(indent);
  return items
    .flatMap(({ title, result, evidence, next }) => {
      const { mark, colour } = marks[result];
      const [head = "", ...more] = lines(cleanLine(title));
      return [
        `${paint[colour](mark.padEnd(indent))}${paint.bold(head)}`,
        ...more.map((line) => `${under}${paint.bold(line)}`),
        ...evidence.flatMap((text) => lines(cleanLine(text)).map((line) => `${under}${line}`)),
        ...(next === null ? [] : [`${under}${paint.cyan(`next: ${cleanLine(next)}`)}`]),
      ];
    })
    .join("\n");
};

/** Whether a command that shows these exits with 10. */
export const hasProblem = (items: readonly Pick<CheckItem, "result">[]): boolean =>
  items.some(({ result }) => result === "problem");
