import type { RouteId } from "@tenantctl/contract";
import type { Command } from "./command.ts";
import type { commandTable } from "./command-table.ts";

/** Routes that have no command, each with the reason. A route with neither does not compile (below). */
export const withoutCommand = {
  "accessLog.list": "`tenantctl logs access` shows the same rows, to operators of all tenants",
  "auth.refresh": "every command does it when the access token is about to end",
  "health.live": "for orchestrators; `tenantctl status` shows health to people",
  "health.ready": "for load balancers; `tenantctl status` shows health to people",
  "tenants.users": "`tenantctl users list TENANT` shows the same rows",
} as const satisfies Partial<Record<RouteId, string>>;

type Declared = Awaited<ReturnType<(typeof commandTable)[number]["load"]>>["commands"][number];
type Literal<C> = C extends Command
  ?
      | (C extends { readonly route: infer R } ? R : never)
      | (C extends { readonly tenantRoute: infer R } ? R : never)
      | (C extends { readonly covers: readonly (infer R)[] } ? R : never)
  : never;

/** Every route that some command calls. */
export type CoveredRoute = Extract<Literal<Declared>, RouteId>;
type Uncovered = Exclude<RouteId, CoveredRoute | keyof typeof withoutCommand>;

/** Does not compile while a route has neither a command nor a reason above; the error names the route. */
export const everyRouteIsReached: [Uncovered] extends [never] ? true : { readonly noCommandFor: Uncovered } = true;
