import type { CheckRun, Figure } from "@tenantctl/contract";
import { timeText } from "../output/cell.ts";
import { cleanLine } from "../output/clean.ts";
import { escapeMarkdown as text } from "./escape.ts";
import { hasValues, valueText } from "./value-text.ts";

const marks = { ok: "OK", needs_person: "Needs a person", warning: "Warning", problem: "Problem" } as const;

/** A command as code; no backtick in it can end it. */
const code = (command: string): string => {
  const longest = Math.max(0, ...[...command.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? `${fence}${cleanLine(command)}${fence}` : `${fence} ${cleanLine(command)} ${fence}`;
};

/** Days are told by their first and last, which is where the change shows; all else row by row. */
const rowsOf = ({ kind, labels }: Figure): number[] => {
  const all = labels.map((_, index) => index);
  return kind === "line" && all.length > 8 ? [...all.slice(0, 1), ...all.slice(-7)] : all;
};

const table = (figure: Figure): string[] => {
  if (!hasValues(figure)) return [];
  const { title, unit, labels, series } = figure;
  const head = ["", ...series.map(({ name }) => text(name))];
  const rows = rowsOf(figure).map((index) => [
    text(labels[index] ?? ""),
    ...series.map(({ values }) => valueText(unit, values[index] ?? null)),
  ]);
  return [
    `**${text(title)}**`,
    "",
    `| ${head.join(" | ")} |`,
    `|---|${series.map(() => "---:|").join("")}`,
    ...rows.map((cells) => `| ${cells.join(" | ")} |`),
    "",
  ];
};

/** A run as a Markdown document; charts become tables. */
export const runMarkdown = (run: CheckRun, system: string): string => {
  const title = `${run.cadence[0]?.toUpperCase()}${run.cadence.slice(1)} checklist, ${run.startedAt.slice(0, 10)}`;
  const signed =
    run.signedOffAt === null
      ? "nobody yet"
      : `${run.signedOffBy ?? "somebody"}, ${timeText(run.signedOffAt)} UTC${run.note === null ? "" : `: ${run.note}`}`;
  return [
    `# ${title}`,
    "",
    `- System: ${text(system)}`,
    `- Run: ${timeText(run.startedAt)} UTC${run.by === null ? "" : ` by ${text(run.by)}`}, looking back to ${timeText(run.since)} UTC`,
    `- Result: ${marks[run.result]}`,
    `- Looked at by: ${text(signed)}`,
    "",
    ...run.items.flatMap(({ id, title: name, result, evidence, next }) => [
      `## ${text(name)}: ${marks[result]}`,
      "",
      ...evidence.map((line) => `${/^ */.exec(line)?.[0] ?? ""}- ${text(line.trim())}`),
      "",
      ...(next === null ? [] : [`Next: ${code(next)}`, ""]),
      ...run.figures.filter(({ item }) => item === id).flatMap(table),
    ]),
  ].join("\n");
};
