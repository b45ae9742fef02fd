import type { CheckCadence } from "@tenantctl/contract";
import { defineCommands, type OwnFlag, type Positional } from "../command.ts";
import type { Invocation } from "../invocation.ts";

const report: OwnFlag = {
  flags: "--report <file>",
  help: "Also write a report: .html (one file, with charts) or .md",
};
const newest = [
  { name: "id", label: "run", optional: true, help: "A run's id; the newest unless said" },
] as const satisfies readonly Positional[];

const run =
  (cadence: CheckCadence) =>
  async (invocation: Invocation): Promise<number> =>
    (await import("../check/run-command.ts")).runChecklist(cadence, invocation);

const exits = "Each item says what was seen and the next command; exit 10 when there is a problem. Every run is kept.";

export const commands = defineCommands([
  {
    path: ["check", "daily"],
    covers: ["checks.run"],
    summary: "Health, errors since the last run, quotas, alerts",
    description: exits,
    flags: [report],
    run: run("daily"),
    examples: ["check daily", "check daily -o json", "check daily --report daily.html"],
  },
  {
    path: ["check", "weekly"],
    covers: ["checks.run"],
    summary: "Tenants, backups, the audit log, the guide itself",
    description: `${exits} The guide's read-only steps are really called, with your login.`,
    flags: [report],
    run: run("weekly"),
    examples: ["check weekly", "check weekly --report weekly.md"],
  },
  {
    path: ["check", "monthly"],
    covers: ["checks.run"],
    summary: "Growth, use, capacity, the security log",
    description: exits,
    flags: [report],
    run: run("monthly"),
    examples: ["check monthly", "check monthly --report monthly.html"],
  },
  {
    path: ["check", "history"],
    route: "checks.list",
    empty: "no checklist was run yet",
    columns: [
      { key: "startedAt", title: "run", as: "time" },
      { key: "cadence" },
      { key: "result", as: "status" },
      { key: "problems", as: "count", drop: 5 },
      { key: "warnings", as: "count", drop: 4 },
      { key: "by", flex: true, drop: 3 },
      { key: "signedOffBy", title: "looked at by", none: "nobody", flex: true },
      { key: "note", flex: true, drop: 2 },
      { key: "id", drop: 1 },
    ],
    examples: ["check history", "check history --cadence monthly", "check history --unsigned -o json"],
  },
  {
    path: ["check", "show"],
    covers: ["checks.get"],
    summary: "Show what a run of a checklist found",
    positional: newest,
    flags: [report],
    run: async (invocation) => (await import("../check/kept-runs.ts")).showRun(invocation),
    examples: ["check show", "check show 01890000-0000-7000-8000-000000000007 --report monthly.html"],
  },
  {
    path: ["check", "sign-off"],
    covers: ["checks.signOff"],
    summary: "Say that you have looked at what a run found",
    positional: [
      { name: "id", label: "run", optional: true, help: "A run's id; the newest that nobody signed off unless said" },
    ],
    flags: [{ flags: "--note <text>", help: "What you make of it" }],
    run: async (invocation) => (await import("../check/kept-runs.ts")).signOff(invocation),
    examples: ["check sign-off", "check sign-off --note 'disk ordered'"],
  },
]);
