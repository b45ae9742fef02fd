import { defineCommands, type Positional } from "../command.ts";
import { startMaintenance } from "../maintenance/start-maintenance.ts";

const tenant = [
  {
    name: "tenantId",
    label: "tenant",
    names: "tenant",
    optional: true,
    leading: true,
    help: "Only this tenant, by id or slug",
  },
] as const satisfies readonly Positional[];

const placeOf = ({ slug }: Readonly<Record<string, unknown>>): string => (slug === null ? "the system" : String(slug));

const endOf = ({ slug }: Readonly<Record<string, unknown>>): string =>
  `tenantctl maintenance off${slug === null ? "" : ` ${String(slug)}`}`;

export const commands = defineCommands([
  {
    path: ["maintenance", "on"],
    route: "maintenance.on",
    positional: tenant,
    shown: ["slug", "mode", "reason", "startedAt", "endsAt", "setBy", "writesUnderWay"],
    cells: [
      { key: "slug", title: "what", none: "the whole system" },
      { key: "reason", none: "none given" },
      { key: "endsAt", title: "ends", as: "time", none: "with: tenantctl maintenance off" },
      { key: "setBy", title: "by" },
      { key: "writesUnderWay", title: "changes not over", as: "count" },
    ],
    run: startMaintenance,
    done: (data) => {
      const refused = data.mode === "read_only" ? "changes are refused" : "tenants are refused";
      const late =
        Number(data.writesUnderWay) === 0
          ? ""
          : ` ${String(data.writesUnderWay)} changes from before go on: look again.`;
      return `${placeOf(data)} is in maintenance: ${refused}, operators go on working.${late} End it: ${endOf(data)}`;
    },
    unchanged: (data) => `nothing to do: ${placeOf(data)} was so already. End it: ${endOf(data)}`,
    examples: [
      "maintenance on --reason 'restoring from backup' --for 2h",
      "maintenance on acme --read-only --reason 'moving house'",
      "maintenance on --tenant acme --yes",
    ],
  },
  {
    path: ["maintenance", "off"],
    route: "maintenance.off",
    shown: ["slug", "startedAt"],
    cells: [
      { key: "slug", title: "what", none: "the whole system" },
      { key: "startedAt", title: "in maintenance since", as: "time", none: "it was not" },
    ],
    done: (data) => `the maintenance of ${placeOf(data)} is over.`,
    unchanged: (data) => `nothing to do: ${placeOf(data)} was not in maintenance.`,
    examples: ["maintenance off", "maintenance off acme"],
  },
  {
    path: ["maintenance", "status"],
    route: "maintenance.list",
    empty: "nothing is in maintenance",
    columns: [
      { key: "slug", title: "what", none: "the whole system" },
      { key: "mode" },
      { key: "reason", none: "–", flex: true },
      { key: "endsAt", title: "ends", as: "time", none: "when ended" },
      { key: "startedAt", title: "since", as: "time", drop: 2 },
      { key: "setBy", title: "by", flex: true, drop: 1 },
    ],
    examples: ["maintenance status", "maintenance status -o json"],
  },
]);
