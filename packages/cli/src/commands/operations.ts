import { defineCommands, type Positional } from "../command.ts";
import { printCertificate } from "../operations/certificate.ts";
import { shownOperation } from "../operations/shown-operation.ts";

const operation = [{ name: "id", label: "operation" }] as const satisfies readonly Positional[];

export const commands = defineCommands([
  {
    path: ["operations", "list"],
    route: "operations.list",
    columns: [
      { key: "kind" },
      { key: "tenantSlug", title: "tenant", flex: true },
      { key: "status", as: "status" },
      { key: "requestedBy", title: "by", flex: true, drop: 2 },
      { key: "createdAt", title: "asked for", as: "time", drop: 3 },
      { key: "finishedAt", title: "ended", as: "time", drop: 1 },
      { key: "id", drop: 4 },
    ],
    examples: ["operations list", "operations list --status running"],
  },
  {
    path: ["operations", "show"],
    route: "operations.get",
    positional: operation,
    shown: shownOperation,
    done: ({ id, kind, result }) =>
      result === null
        ? undefined
        : kind === "hard_delete"
          ? `its certificate: tenantctl operations certificate ${id}`
          : "its result: add -o json.",
    examples: ["operations show 01890000-0000-7000-8000-000000000006"],
  },
  {
    path: ["operations", "certificate"],
    route: "operations.get",
    summary: "Print the certificate of a hard delete",
    description: [
      "What was removed, when and for whom, the scan that found nothing left, and the backups that still hold the data.",
      "A table on a terminal, JSON elsewhere and with -f. Its digest is checked (exit 10 where it does not match):",
      "`jq -cSj 'del(.digest)' FILE | sha256sum` gives the same, and the audit log keeps it.",
    ].join(" "),
    positional: operation,
    flags: [{ flags: "-f, --file <path>", help: "Write the JSON to this file" }],
    run: printCertificate,
    examples: [
      "operations certificate 01890000-0000-7000-8000-000000000006",
      "operations certificate 01890000-0000-7000-8000-000000000006 -f acme-removed.json",
    ],
  },
  {
    path: ["operations", "cancel"],
    route: "operations.cancel",
    positional: operation,
    confirm: { question: "Stop the operation %s?", reversible: true },
    done: () => "it stops after its current batch.",
    examples: ["operations cancel 01890000-0000-7000-8000-000000000006"],
  },
]);
