import { isUuid } from "../arguments/lookup.ts";
import { usage } from "../cli-error.ts";
import { defineCommands, type Positional } from "../command.ts";
import { runRoute } from "../run-route.ts";
import { ruleCommands } from "./alert-rules.ts";

const alert = [{ name: "id", label: "alert" }] as const satisfies readonly Positional[];
const shown = [
  "id",
  "rule",
  "severity",
  "status",
  "tenantSlug",
  "summary",
  "evidence",
  "next",
  "openedAt",
  "lastSeenAt",
  "notifiedAt",
  "silencedUntil",
  "escalatedAt",
  "acknowledgedBy",
  "acknowledgedAt",
  "note",
  "resolvedAt",
  "resolvedBy",
] as const;

export const commands = defineCommands([
  {
    path: ["alerts", "list"],
    route: "alerts.list",
    columns: [
      { key: "severity", as: "severity" },
      { key: "status", as: "status" },
      // The summary names the tenant, too.
      { key: "tenantSlug", title: "tenant", flex: true, drop: 5 },
      { key: "summary", flex: true },
      { key: "acknowledgedBy", title: "taken by", flex: true, drop: 4 },
      { key: "lastSeenAt", title: "last seen", as: "time", drop: 2 },
      { key: "next", flex: true, drop: 3 },
      { key: "id", drop: 1 },
    ],
    examples: ["alerts list", "alerts list acme --status all", "alerts list --rule error_rate", "alerts list -o json"],
  },
  {
    path: ["alerts", "show"],
    route: "alerts.get",
    positional: alert,
    shown,
    cells: [{ key: "notifiedAt", title: "contacts told", none: "nobody" }],
    examples: ["alerts show 01890000-0000-7000-8000-000000000005"],
  },
  {
    path: ["alerts", "acknowledge"],
    route: "alerts.acknowledge",
    positional: alert,
    shown,
    done: () => "it is yours; resolve it when it is done.",
    unchanged: ({ acknowledgedBy, acknowledgedAt }) =>
      `nothing to do: ${String(acknowledgedBy)} has had it since ${String(acknowledgedAt)}.`,
    examples: ["alerts acknowledge 01890000-0000-7000-8000-000000000005 --note 'looking into it'"],
  },
  {
    path: ["alerts", "resolve"],
    route: "alerts.resolve",
    positional: alert,
    shown,
    done: () => "resolved.",
    unchanged: ({ resolvedBy, resolvedAt }) =>
      `nothing to do: it was resolved ${resolvedBy === null ? "" : `by ${String(resolvedBy)} `}at ${String(resolvedAt)}.`,
    examples: ["alerts resolve 01890000-0000-7000-8000-000000000005 --note 'plan upgraded'"],
  },
  {
    path: ["alerts", "silence"],
    route: "silences.create",
    positional: [{ name: "rule", label: "rule|alert", optional: true, help: "A rule by name, or an alert by id" }],
    fixed: { alertId: undefined },
    run: async (invocation) => {
      const { route, input } = await invocation.gathered();
      const { rule, ...body } = input.body ?? {};
      if (rule === undefined && body.tenantId === undefined)
        throw usage(
          "say what is to be silent: a rule, an alert or --tenant",
          "`tenantctl alerts rules list` shows the rules.",
        );
      const about = rule === undefined ? {} : isUuid(String(rule)) ? { alertId: rule } : { rule };
      return runRoute({
        ...invocation,
        gathered: async () => ({ route, input: { ...input, body: { ...body, ...about } } }),
      });
    },
    done: ({ id, expiresAt }) =>
      `silent until ${String(expiresAt)}. End it before: tenantctl alerts unsilence ${String(id)}`,
    examples: [
      "alerts silence error_rate --for 2h --reason 'load test'",
      "alerts silence error_rate --tenant acme --for 1d --reason 'their importer is being mended'",
      "alerts silence 01890000-0000-7000-8000-000000000005 --for 30m --reason 'known, fix is on its way'",
    ],
  },
  {
    path: ["alerts", "silences"],
    route: "silences.list",
    empty: "nothing is silenced",
    columns: [
      { key: "rule", none: "any rule" },
      { key: "alertId", title: "alert", drop: 2 },
      { key: "tenantSlug", title: "tenant", none: "any", flex: true },
      { key: "reason", flex: true },
      { key: "createdBy", title: "by", flex: true, drop: 1 },
      { key: "expiresAt", title: "until", as: "time" },
      { key: "alerts", title: "quiet now", as: "count", drop: 4 },
      { key: "endedAt", title: "ended", as: "time", drop: 5 },
      { key: "id", drop: 3 },
    ],
    examples: ["alerts silences", "alerts silences --status all -o json"],
  },
  {
    path: ["alerts", "unsilence"],
    route: "silences.end",
    positional: [{ name: "id", label: "silence" }],
    done: () => "ended: what is still open is told at the next evaluation, within a minute.",
    examples: ["alerts unsilence 01890000-0000-7000-8000-000000000006"],
  },
  ...ruleCommands,
]);
