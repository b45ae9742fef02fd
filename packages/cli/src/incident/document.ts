import { type CheckResult, type Incident, runbooks, type StepState } from "@tenantctl/contract";
import { timeText } from "../output/cell.ts";
import { escapeHtml, escapeMarkdown } from "../report/escape.ts";
import { htmlPage } from "../report/html-page.ts";
import { headLines } from "./print-incident.ts";

const states: Readonly<Record<StepState, { readonly text: string; readonly colour: CheckResult }>> = {
  pending: { text: "Pending", colour: "needs_person" },
  running: { text: "Under way", colour: "warning" },
  interrupted: { text: "Interrupted", colour: "warning" },
  failed: { text: "Failed", colour: "problem" },
  person: { text: "Needs a person", colour: "needs_person" },
  done: { text: "Done", colour: "ok" },
  skipped: { text: "Skipped", colour: "needs_person" },
};

type Entry = Incident["entries"][number];

const time = (at: string): string => `${timeText(at)} UTC`;
const titleOf = ({ kind, title, openedAt }: Incident): string =>
  `${kind}, ${openedAt.slice(0, 10)}${title === null ? "" : `: ${title}`}`;
const whoOf = ({ by, recordedBy }: Entry): string =>
  by === recordedBy ? (by ?? "somebody") : `${by} (brought in by ${recordedBy ?? "somebody"})`;
const whatOf = ({ kind, step, item, text }: Entry): string =>
  [
    [kind, step].filter((part) => part !== null).join(" "),
    ...(item === null ? [] : [item.result]),
    ...(text === null ? [] : [text]),
  ].join(": ");

/** What came out of a step last, and who said so. */
const lastOf = ({ entries }: Incident, step: string): Entry | undefined =>
  entries.findLast((entry) => entry.step === step && entry.kind !== "note" && entry.kind !== "started");

/** Everybody who had a hand in it. */
const people = ({ entries, openedBy }: Incident): string[] => [
  ...new Set([openedBy, ...entries.map(({ by }) => by)].flatMap((name) => (name === null ? [] : [name]))),
];

/** The post-incident document as Markdown: nothing that was typed or found becomes markup. */
export const incidentMarkdown = (incident: Incident): string => {
  const text = escapeMarkdown;
  const steps = incident.steps.flatMap(({ id, guideLine, title, state, by, at }, index) => {
    const last = lastOf(incident, id);
    return [
      `## ${index + 1}. ${text(guideLine)}`,
      "",
      `**${states[state].text}**${by === null || at === null ? "" : `, ${text(by)}, ${time(at)}`}: ${text(title)}`,
      "",
      ...(last?.text ? [...last.text.split("\n").map((line) => `${text(line)}  `), ""] : []),
      ...(last?.item ? [...last.item.evidence.map((line) => `- ${text(line)}`), ""] : []),
    ];
  });
  return `${[
    `# ${text(titleOf(incident))}`,
    "",
    ...headLines(incident).map((line) => `- ${text(line)}`),
    `- by: ${people(incident).map(text).join(", ")}`,
    "",
    ...steps,
    "## Timeline",
    "",
    "| When | Who | What |",
    "|------|-----|------|",
    `| ${time(incident.openedAt)} | ${text(incident.openedBy ?? "somebody")} | opened |`,
    ...incident.entries.map((entry) => `| ${time(entry.at)} | ${text(whoOf(entry))} | ${text(whatOf(entry))} |`),
  ].join("\n")}\n`;
};

/** The same as one page that needs nothing beside itself. */
export const incidentHtml = (incident: Incident): string => {
  const text = escapeHtml;
  const mark = (state: StepState): string => `<span class="mark ${states[state].colour}">${states[state].text}</span>`;
  const sections = incident.steps.map(({ id, guideLine, title, state, by, at }, index) => {
    const last = lastOf(incident, id);
    return [
      `<section id="${text(id)}"><header><h2>${index + 1}. ${text(guideLine)}</h2>${mark(state)}</header>`,
      `<p class="quiet">${text(title)}${by === null || at === null ? "" : ` · ${text(by)}, ${time(at)}`}</p>`,
      ...(last?.text ? last.text.split("\n").map((line) => `<p>${text(line)}</p>`) : []),
      ...(last?.item
        ? [
            `<ul class="evidence">${last.item.evidence.map((line) => `<li${line.startsWith("  ") ? ' class="more"' : ""}>${text(line.trim())}</li>`).join("")}</ul>`,
            last.item.next === null ? "" : `<p>Next: <code>${text(last.item.next)}</code></p>`,
          ]
        : []),
      "</section>",
    ].join("\n");
  });
  const row = (at: string, who: string, what: string): string =>
    `<tr><td>${time(at)}</td><td>${text(who)}</td><td>${text(what)}</td></tr>`;
  const [first = "", ...facts] = headLines(incident);
  const body = [
    `<h1>${text(titleOf(incident))}</h1>`,
    `<p class="quiet">${text(first)}</p>`,
    ...facts.map((line) => `<p>${text(line)}</p>`),
    `<p>By: ${text(people(incident).join(", "))}</p>`,
    `<ul class="summary">${incident.steps.map(({ id, guideLine, state }) => `<li><a href="#${text(id)}">${mark(state)}<span>${text(guideLine)}</span></a></li>`).join("")}</ul>`,
    ...sections,
    `<section id="timeline"><header><h2>Timeline</h2></header><table><thead><tr><th>When</th><th>Who</th><th>What</th></tr></thead><tbody>`,
    row(incident.openedAt, incident.openedBy ?? "somebody", "opened"),
    ...incident.entries.map((entry) => row(entry.at, whoOf(entry), whatOf(entry))),
    "</tbody></table></section>",
    `<footer><p class="quiet">Incident ${text(incident.id)}, runbook of ${runbooks[incident.kind].length} steps.</p></footer>`,
  ].join("\n");
  return htmlPage(titleOf(incident), body);
};
