import type { CheckItem, CheckResult, CheckRun, Figure } from "@tenantctl/contract";
import { timeText } from "../output/cell.ts";
import { type ChartSize, chartSvg } from "./chart.ts";
import { escapeHtml as text } from "./escape.ts";
import { htmlPage } from "./html-page.ts";
import { hasValues } from "./value-text.ts";

const marks: Readonly<Record<CheckResult, string>> = {
  ok: "OK",
  needs_person: "Needs a person",
  warning: "Warning",
  problem: "Problem",
};

const mark = (result: CheckResult): string => `<span class="mark ${result}">${marks[result]}</span>`;

/** Which colour is which: in the page's own letters, which know how wide they are. */
const keys = ({ series }: Figure): string =>
  series.length < 2
    ? ""
    : `<p class="keys">${series.map(({ name }, index) => `<span class="key-${index + 1}">${text(name)}</span>`).join("")}</p>`;

/** Drawn twice, for a drawing that shrinks with the window takes its letters with it. */
const sizes = { wide: 800, narrow: 370 } as const;

const heightOf = ({ kind, labels }: Figure): number =>
  kind === "ranking" ? Math.max(90, 46 + labels.length * 30) : 260;

const figureHtml = (figure: Figure): string => {
  if (!hasValues(figure)) return "";
  const drawn = (name: keyof typeof sizes): string => {
    const size: ChartSize = { width: sizes[name], height: heightOf(figure) };
    return `<div class="${name}" role="img" aria-label="${text(figure.title)}">${chartSvg(figure, size)}</div>`;
  };
  return `<figure><figcaption>${text(figure.title)}</figcaption>${keys(figure)}${drawn("wide")}${drawn("narrow")}</figure>`;
};

const itemHtml = ({ id, title, result, evidence, next }: CheckItem, figures: readonly Figure[]): string =>
  [
    `<section id="${text(id)}"><header><h2>${text(title)}</h2>${mark(result)}</header>`,
    `<ul class="evidence">${evidence.map((line) => `<li${line.startsWith("  ") ? ' class="more"' : ""}>${text(line.trim())}</li>`).join("")}</ul>`,
    next === null ? "" : `<p>Next: <code>${text(next)}</code></p>`,
    ...figures.filter(({ item }) => item === id).map(figureHtml),
    "</section>",
  ].join("\n");

/** A run as one page that can be mailed, kept and printed. */
export const runHtml = async (run: CheckRun, system: string): Promise<string> => {
  const title = `${run.cadence[0]?.toUpperCase()}${run.cadence.slice(1)} checklist, ${run.startedAt.slice(0, 10)}`;
  const signed =
    run.signedOffAt === null
      ? "Nobody has signed it off."
      : `Looked at by ${run.signedOffBy ?? "somebody"}, ${timeText(run.signedOffAt)} UTC${run.note === null ? "." : `: ${run.note}`}`;
  const body = [
    `<h1>${text(title)}</h1>`,
    `<p class="quiet">${text(system)} · run ${timeText(run.startedAt)} UTC${run.by === null ? "" : ` by ${text(run.by)}`} · looking back to ${timeText(run.since)} UTC</p>`,
    `<p>${mark(run.result)}</p>`,
    `<ul class="summary">${run.items.map(({ id, title: name, result }) => `<li><a href="#${text(id)}">${mark(result)}<span>${text(name)}</span></a></li>`).join("")}</ul>`,
    ...run.items.map((item) => itemHtml(item, run.figures)),
    `<footer><p class="quiet">${text(signed)} Run ${text(run.id)}.</p></footer>`,
  ].join("\n");
  return htmlPage(title, body);
};
