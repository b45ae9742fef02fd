import { cleanLine } from "../output/clean.ts";
import { cut, cutSentence } from "../output/cut.ts";
import { ageText } from "../output/duration.ts";
import type { Paint } from "../output/paint.ts";
import { textWidth } from "../output/text-width.ts";
import { type Attention, attentionOf, type Reading } from "./known.ts";
import { healthSections, type Said, sections } from "./sections.ts";

/** Columns and lines there are; undefined in a pipe, where nothing is cut. */
export interface Room {
  readonly columns: number | undefined;
  readonly rows: number | undefined;
}

type Titled = Said & { readonly title: string };

const titleWidth = 11;
const itemWidth = 16;
const colours = { person: "red", notice: "yellow", critical: "red", warning: "yellow" } as const;

/** What is known, section by section. */
const saidOf = (reading: Reading, url: string): readonly Titled[] => {
  if (reading.kind === "nothing") return [];
  if (reading.kind === "health")
    return healthSections.map(({ title, say }) => ({ title, ...say({ url, health: reading.health }) }));
  return sections.map(({ title, say }) => ({ title, ...say({ url, ...reading.status }) }));
};

const totalOf = (reading: Reading): number =>
  reading.kind === "status" ? reading.status.needsAttentionTotal : attentionOf(reading).length;

/** The first line: all well, or how much needs a person. */
export const headline = (reading: Reading, paint: Paint): string => {
  if (reading.kind === "nothing") return paint.bold(paint.red("UNREACHABLE"));
  const total = totalOf(reading);
  if (total > 0) {
    const worst = attentionOf(reading).some(({ severity }) => severity === "critical") ? paint.red : paint.yellow;
    return paint.bold(worst(total === 1 ? "1 THING NEEDS A PERSON" : `${total} THINGS NEED A PERSON`));
  }
  return paint.bold(paint.green(reading.kind === "status" ? "ALL WELL" : "HEALTH OK"));
};

/** How much is shown: lists shortened, then what is well named in one line, then commands left out from the bottom. */
interface Fit {
  readonly details: number;
  readonly wellTogether: boolean;
}
const fits: readonly Fit[] = [
  { details: 10, wellTogether: false },
  { details: 3, wellTogether: false },
  { details: 0, wellTogether: false },
  { details: 0, wellTogether: true },
];

const sectionLines = (
  all: readonly Titled[],
  { details, wellTogether }: Fit,
  width: number,
  paint: Paint,
): string[] => {
  const line = (title: string, text: string, tint = (plain: string) => plain): string =>
    `${paint.dim(title.padEnd(titleWidth))}${tint(cut(cleanLine(text), width - titleWidth))}`;
  const shown = wellTogether ? all.filter(({ state }) => state !== "well") : all;
  const well = wellTogether ? all.filter(({ state }) => state === "well").map(({ title }) => title) : [];
  const names = well.join(", ");
  return [
    ...shown.flatMap(({ title, state, text, details: list = [], rest }) => {
      const some = list.slice(0, details);
      const left = list.length - some.length;
      return [
        line(title, text, state === "well" ? undefined : paint[colours[state]]),
        ...some.map((detail) => `  ${cutSentence(cleanLine(detail), width - 2)}`),
        ...(some.length > 0 && left > 0 ? [paint.dim(`          … more: ${rest}`)] : []),
      ];
    }),
    ...(well.length === 0 ? [] : [line("well", names.length > width - titleWidth ? "everything else" : names)]),
  ];
};

/** Under the sentence it belongs to, or further left where it is long: a command that is cut cannot be copied. */
const commandLine = (next: string, width: number, paint: Paint): string => {
  const indent = Math.max(2, Math.min(itemWidth, width - textWidth(next)));
  return `${" ".repeat(indent)}${paint.cyan(cut(next, width - indent))}`;
};

/** Each item's line, and under it the next command as long as `room` lasts; the rest is counted. */
const itemLines = (
  items: readonly Attention[],
  total: number,
  at: string | undefined,
  width: number,
  room: number,
  paint: Paint,
): string[] => {
  const needed = 2 * items.length + (total > items.length ? 1 : 0);
  // Where not all fit, the worst keeps its command.
  const most = needed <= room ? items.length : Math.max(1, Math.min(items.length, room - 2));
  const shown = items.slice(0, most);
  const left = total - shown.length;
  let commands = room - shown.length - (left > 0 ? 1 : 0);
  return [
    ...shown.flatMap(({ severity, since, what, next }) => {
      const age = since === null || at === undefined ? "" : ageText(at, since);
      const head = `${paint[colours[severity]](severity.padEnd(10))}${age.padEnd(6)}`;
      commands -= 1;
      return [
        `${head}${cutSentence(cleanLine(what), width - itemWidth)}`,
        ...(commands >= 0 ? [commandLine(cleanLine(next), width, paint)] : []),
      ];
    }),
    ...(left > 0 ? [paint.dim(cut(`${" ".repeat(itemWidth)}… ${left} more: tenantctl alerts list`, width))] : []),
  ];
};

/** The system on one screen: what needs a person and the next command, then what is known, section by section. */
export const screenOf = (
  reading: Reading,
  url: string,
  head: string,
  paint: Paint,
  { columns, rows }: Room,
): string[] => {
  const width = columns ?? Number.POSITIVE_INFINITY;
  const height = rows ?? Number.POSITIVE_INFINITY;
  const all = saidOf(reading, url);
  const items = reading.kind === "nothing" ? [] : attentionOf(reading);
  const total = reading.kind === "nothing" ? 0 : totalOf(reading);
  const at = reading.kind === "status" ? reading.status.at : undefined;
  const gap = items.length > 0 ? 2 : 1;
  const wanted = 2 * items.length + (total > items.length ? 1 : 0);
  const candidates = fits.map((fit) => sectionLines(all, fit, width, paint));
  const fitting = candidates.find((lines) => 1 + gap + wanted + lines.length <= height) ?? candidates.at(-1) ?? [];
  const room = height - 1 - gap - fitting.length;
  const body = [...(items.length > 0 ? ["", ...itemLines(items, total, at, width, room, paint)] : []), "", ...fitting];
  return [head, ...body].slice(0, height);
};
