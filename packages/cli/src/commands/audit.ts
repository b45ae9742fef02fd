import { usage } from "../cli-error.ts";
import { defineCommands } from "../command.ts";
import type { Column } from "../output/column.ts";
import { runRoute } from "../run-route.ts";

const columns = [
  { key: "at", title: "at", as: "time" },
  { key: "actor.name", title: "actor", flex: true },
  { key: "action" },
  { key: "resourceType", title: "what" },
  { key: "outcome", as: "status" },
  { key: "detail", flex: true, drop: 3 },
  { key: "occurrences", title: "times", as: "count", drop: 4 },
  { key: "address", drop: 5 },
  { key: "tenantId", title: "tenant", drop: 6 },
  { key: "resourceId", title: "which", flex: true, drop: 7 },
  { key: "requestId", title: "request", drop: 8 },
] as const satisfies readonly Column[];

export const commands = defineCommands([
  {
    path: ["audit"],
    route: "audit.list",
    columns,
    empty: "nothing in the audit log matches",
    examples: [
      "audit --limit 50",
      "audit acme --action login --since 24h",
      "audit acme --action create --resource-type customer -o csv",
      "audit --actor ann@acme.com --since 7d -o jsonl",
    ],
  },
  {
    path: ["logs"],
    route: "audit.list",
    summary: "Show what was refused, or failed",
    description: "The rows of the audit log that did not succeed, newest first: refused requests, failed logins.",
    columns,
    empty: "nothing in the audit log matches",
    flags: [
      { flags: "--denied", help: "What was refused: a missing right, another tenant's data, a suspended tenant" },
      { flags: "--failed", help: "What failed: logins with a wrong password, for instance" },
    ],
    run: (invocation) => {
      const { denied, failed, outcome } = invocation.flags;
      if (denied !== true && failed !== true && outcome === undefined)
        throw usage("say which: --denied or --failed", "`tenantctl audit` shows everything.");
      if (denied === true && failed === true)
        throw usage("--denied and --failed exclude each other", "Run it once for each.");
      if (outcome !== undefined) return runRoute(invocation);
      const outcomes = { denied: "denied", failed: "failure" } as const;
      const wanted = denied === true ? outcomes.denied : outcomes.failed;
      return runRoute({
        ...invocation,
        gathered: async () => {
          const { route, input } = await invocation.gathered();
          return { route, input: { ...input, query: { ...input.query, outcome: wanted } } };
        },
      });
    },
    examples: ["logs --tenant acme --denied", "logs --denied --since 1h", "logs acme --failed --action login"],
  },
]);
