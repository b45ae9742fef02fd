import { defineCommands, type Positional } from "../command.ts";

const tenant = [{ name: "id", label: "tenant", names: "tenant" }] as const satisfies readonly Positional[];
const cells = [{ key: "status", as: "status" }] as const;
const shown = ["slug", "name", "status", "statusReason", "sessionsEnded"] as const;

const ended = ({ sessionsEnded }: Readonly<Record<string, unknown>>): string =>
  sessionsEnded === 1 ? "1 session or token ended" : `${sessionsEnded} sessions and tokens ended`;

export const commands = defineCommands([
  {
    path: ["suspend"],
    route: "tenants.suspend",
    positional: tenant,
    cells,
    shown,
    confirm: { question: "Suspend %s?", reversible: true, impact: "tenant" },
    done: (data) => `suspended ${data.slug}; ${ended(data)}. Undo: tenantctl reactivate ${data.slug}`,
    examples: ["suspend acme --reason 'unpaid invoice'", "suspend acme --dry-run", "suspend acme --yes -o json"],
  },
  {
    path: ["reactivate"],
    route: "tenants.reactivate",
    positional: tenant,
    cells,
    shown,
    done: ({ slug }) => `reactivated ${slug}.`,
    examples: ["reactivate acme", "reactivate acme --reason 'invoice paid'"],
  },
  {
    path: ["cancel"],
    route: "tenants.cancel",
    positional: tenant,
    cells,
    shown,
    confirm: { question: "Cancel %s?", reversible: true, impact: "tenant" },
    done: (data) => `cancelled ${data.slug}; ${ended(data)}. Undo: tenantctl reactivate ${data.slug}`,
    examples: ["cancel acme --reason 'contract ended'", "cancel acme --dry-run"],
  },
  {
    path: ["undelete"],
    route: "tenants.undelete",
    positional: tenant,
    cells,
    shown,
    done: ({ slug, status }) => `${slug} is back, and ${status}.`,
    examples: ["undelete acme", "undelete acme --dry-run"],
  },
]);
