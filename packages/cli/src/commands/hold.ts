import { defineCommands, type Positional } from "../command.ts";

const tenant = [{ name: "id", label: "tenant", names: "tenant" }] as const satisfies readonly Positional[];

export const commands = defineCommands([
  {
    path: ["hold", "list"],
    route: "holds.list",
    empty: "no tenant is under a legal hold",
    columns: [
      { key: "slug", title: "tenant" },
      { key: "reason", flex: true },
      { key: "setBy", title: "by", flex: true, drop: 1 },
      { key: "setAt", title: "since", as: "time" },
      { key: "tenantId", title: "id", drop: 2 },
    ],
    examples: ["hold list", "hold list -o json"],
  },
  {
    path: ["hold", "set"],
    route: "holds.set",
    positional: tenant,
    done: ({ slug }) => `${slug} is under a legal hold: neither purged nor hard deleted, and its backups stay.`,
    examples: ["hold set acme --reason 'case 2026-11'"],
  },
  {
    path: ["hold", "release"],
    route: "holds.release",
    positional: tenant,
    confirm: { question: "Release %s from its legal hold? What is due is then removed for good.", reversible: false },
    done: ({ slug }) => `${slug} is under a legal hold no more.`,
    examples: ["hold release acme", "hold release acme --yes"],
  },
]);
