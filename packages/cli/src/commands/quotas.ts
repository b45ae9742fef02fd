import { usage } from "../cli-error.ts";
import { defineCommands } from "../command.ts";
import type { Column } from "../output/column.ts";
import { runRoute } from "../run-route.ts";

const columns = [
  { key: "resource" },
  { key: "used", as: "amount" },
  { key: "limit", as: "amount", none: "unlimited" },
  { key: "percentage", title: "in use", as: "percent" },
  { key: "source", drop: 2 },
  { key: "expiresAt", title: "expires", as: "time", drop: 1 },
] as const satisfies readonly Column[];

export const commands = defineCommands([
  {
    path: ["quotas", "show"],
    route: "quotas.get",
    columns,
    examples: ["quotas show acme", "quotas show acme -o json"],
  },
  {
    path: ["quotas", "set"],
    route: "quotas.set",
    positional: [
      { name: "id", label: "tenant", names: "tenant" },
      { name: "resource", help: "users, customers, storage_bytes or api_requests_per_day" },
      { name: "limit", optional: true, help: "The new limit, or unlimited" },
    ],
    columns,
    description: "A limit (or unlimited) holds until --expires-at, or until --use-plan goes back to the plan's.",
    run: async (invocation) => {
      const { input } = await invocation.gathered();
      if ((input.body?.limit === undefined) === (input.body?.usePlan === undefined))
        throw usage(
          "give either a limit or --use-plan",
          "For instance: tenantctl quotas set acme users 50 --reason 'trial'.",
        );
      return runRoute(invocation);
    },
    examples: [
      "quotas set acme customers 2000 --reason migration",
      "quotas set acme customers unlimited --reason migration --expires-at 7d",
      "quotas set acme customers --use-plan --reason 'migration is over'",
    ],
  },
  {
    path: ["quotas", "recount"],
    route: "quotas.recount",
    positional: [{ name: "tenant", names: "tenant", optional: true, help: "Whose; all tenants unless said" }],
    fixed: { after: undefined },
    flags: [{ flags: "--check", help: "Change nothing, and exit 10 where a counter drifted" }],
    description:
      "Counts users, customers and stored bytes, and mends counters that say something else. Nobody waits meanwhile. Exit 0 whether or not something was mended, 3 where a tenant could not be counted.",
    run: async (invocation) => (await import("../quotas/recount-command.ts")).recountQuotas(invocation),
    examples: ["quotas recount acme", "quotas recount --check", "quotas recount --dry-run -o json"],
  },
]);
