import type { IncidentKind } from "@tenantctl/contract";
import { identityFlag, recipientFlags, repositoryFlag } from "../backup/flags.ts";
import { stallTimeoutFlag } from "../backup/stall-timeout.ts";
import { defineCommands, type OwnFlag, type Positional } from "../command.ts";
import type { Invocation } from "../invocation.ts";

const id = { name: "id", label: "incident", help: "The incident's id" } as const;
const incident = [id] as const satisfies readonly Positional[];
const about: OwnFlag = { flags: "--title <text>", help: "What it is about" };
const tenants: readonly OwnFlag[] = [
  { flags: "--tenant <tenant...>", help: "An affected tenant, by its slug or id; can be repeated" },
  { flags: "--all", help: "All tenants" },
];
const auto: OwnFlag = { flags: "--auto", help: "Run the steps that are safe; the others stay pending" };
const allowRestart: OwnFlag = {
  flags: "--allow-restart",
  help: "Run the program in TENANTCTL_RESTART_HOOK, without being asked",
};
const evidence: readonly OwnFlag[] = [
  { flags: "--evidence <folder>", help: "Where the evidence is sealed into; a folder beside the login unless said" },
  { flags: "--since <time>", help: "From when on logs are evidence: a time, or 30d or 12h before it was opened" },
];
const backups: readonly OwnFlag[] = [
  repositoryFlag,
  { flags: "--run <run>", help: "From this run instead of the newest one" },
  identityFlag,
  ...recipientFlags,
  { flags: "--confirm <slug>", help: "The tenant's slug, in place of typing it, for its restore" },
  stallTimeoutFlag,
];

const elsewhere =
  "It works while the API is down: straight on the database with DATABASE_URL, and without that in a file of this machine.";

const open =
  (kind: IncidentKind) =>
  async (invocation: Invocation): Promise<number> =>
    (await import("../incident/open-command.ts")).openCommand(kind)(invocation);

export const commands = defineCommands([
  {
    path: ["incident", "open", "system-down"],
    covers: ["incidents.open", "incidents.entry", "incidents.system", "incidents.notify", "errors.list"],
    summary: "The API, the database or both are down",
    description: `Looks at the API, the database and the errors, says what to restart, tells the contacts. Exit 10 where it finds a problem. ${elsewhere}`,
    flags: [...tenants, about, auto, allowRestart],
    run: open("system-down"),
    examples: ["incident open system-down", "incident open system-down --auto --no-input"],
  },
  {
    path: ["incident", "open", "data-breach"],
    covers: ["tenants.suspendMany", "incidents.state", "incidents.seal"],
    summary: "Somebody may have read what they must not",
    description: `Suspends the tenants before anything else, tries their sessions and tokens, puts them under legal hold, seals the evidence, tells security, sums up who read what. Exit 3 where one could not be suspended. ${elsewhere}`,
    flags: [...tenants, about, auto, ...evidence],
    run: open("data-breach"),
    examples: [
      "incident open data-breach --tenant acme --tenant globex",
      "incident open data-breach --tenant acme --auto --no-input --evidence /var/evidence/2026-11",
      "incident open data-breach --all --auto",
    ],
  },
  {
    path: ["incident", "open", "data-loss"],
    covers: ["maintenance.on", "maintenance.off"],
    summary: "Data is gone, or is wrong",
    description: `Compares the tenants with their newest backups. Maintenance and restores are steps that ask; a restore asks for the slug. ${elsewhere}`,
    flags: [...tenants, about, auto, ...backups],
    run: open("data-loss"),
    examples: ["incident open data-loss --tenant acme --repo /var/backups/tenants"],
  },
  {
    path: ["incident", "list"],
    covers: ["incidents.list"],
    summary: "List incidents: open ones unless --status says otherwise",
    flags: [{ flags: "--status <status>", help: "Only these", choices: ["open", "closed", "all"] }],
    run: async (invocation) => (await import("../incident/list-command.ts")).listCommand(invocation),
    examples: ["incident list", "incident list --status all -o json"],
  },
  {
    path: ["incident", "show"],
    covers: ["incidents.get"],
    summary: "Show an incident: its steps and its timeline",
    positional: incident,
    run: async (invocation) => (await import("../incident/list-command.ts")).showCommand(invocation),
    examples: ["incident show 01890000-0000-7000-8000-000000000009"],
  },
  {
    path: ["incident", "step"],
    summary: "Run a step, or say that it is done or skipped; go on with what is left",
    description: `Without a step's name it goes on where it was left, also after it was killed. A step that somebody else is at is theirs for 15 minutes. ${elsewhere}`,
    positional: [id, { name: "step", optional: true, help: "The step; all that are left unless said" }],
    flags: [
      { flags: "--done <text>", help: "It was done by a person: what was done" },
      { flags: "--skip <reason>", help: "It is not needed: why" },
      { flags: "--again", help: "Although it is done" },
      { flags: "--take-over", help: "Although somebody else is at it" },
      auto,
      allowRestart,
      ...evidence,
      ...backups,
    ],
    run: async (invocation) => (await import("../incident/step-command.ts")).stepCommand(invocation),
    examples: [
      "incident step 01890000-0000-7000-8000-000000000009",
      "incident step 01890000-0000-7000-8000-000000000009 notify --done 'called the head of security'",
      "incident step 01890000-0000-7000-8000-000000000009 restart --skip 'it came back by itself'",
    ],
  },
  {
    path: ["incident", "note"],
    summary: "Write something into an incident's timeline",
    positional: incident,
    flags: [
      { flags: "--text <text>", help: "What there is to say" },
      { flags: "--step <step>", help: "The step that it is about" },
    ],
    run: async (invocation) => (await import("../incident/step-command.ts")).noteCommand(invocation),
    examples: ["incident note 01890000-0000-7000-8000-000000000009 --text 'the customer was called'"],
  },
  {
    path: ["incident", "close"],
    covers: ["incidents.close"],
    summary: "Close an incident whose steps are all done or skipped",
    positional: incident,
    flags: [{ flags: "--summary <text>", help: "What it came to" }],
    run: async (invocation) => (await import("../incident/step-command.ts")).closeCommand(invocation),
    examples: ["incident close 01890000-0000-7000-8000-000000000009 --summary 'a stolen laptop; nothing was read'"],
  },
  {
    path: ["incident", "export"],
    summary: "Write the post-incident document, or seal the evidence",
    description:
      "The document ends in .md or .html; evidence is a folder, or one file that ends in .tar. Evidence is never overwritten.",
    positional: incident,
    flags: [{ flags: "-f, --file <file>", help: "x.md, x.html, or evidence.tar" }, ...evidence, stallTimeoutFlag],
    run: async (invocation) => (await import("../incident/export-command.ts")).exportCommand(invocation),
    examples: [
      "incident export 01890000-0000-7000-8000-000000000009 -f incident.html",
      "incident export 01890000-0000-7000-8000-000000000009 -f evidence.tar",
    ],
  },
  {
    path: ["incident", "import"],
    summary: "Bring in what was written down while nothing could be reached",
    description: "All of this machine's files unless some are named. Nothing is recorded twice.",
    positional: [{ name: "file", optional: true, help: "A file from another machine" }],
    run: async (invocation) => (await import("../incident/list-command.ts")).importCommand(invocation),
    examples: ["incident import", "incident import /mnt/laptop/incidents/01890000-0000-7000-8000-000000000009.jsonl"],
  },
]);
