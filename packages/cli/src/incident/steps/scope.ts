import type { ResultOf, Routes } from "@tenantctl/contract";
import { type Invocation, textFlag } from "../../invocation.ts";
import { eachOf, outOfReach, over, plural, type Step, shortened } from "../step.ts";

type Sum = ResultOf<Routes["accessLog.summary"]>[number];

/** How far back evidence goes unless --since says so. */
const defaultDays = 30;

/** The time that evidence begins with: a duration such as 30d, or a time. */
export const evidenceSince = ({ flags }: Invocation, openedAt: string): string => {
  const given = textFlag(flags, "since");
  const units = { d: 86_400_000, h: 3_600_000 } as const;
  const [, count, unit] = /^(\d{1,5})([dh])$/.exec(given ?? `${defaultDays}d`) ?? [];
  if (count !== undefined && (unit === "d" || unit === "h"))
    return new Date(Date.parse(openedAt) - Number(count) * units[unit]).toISOString();
  const at = Date.parse(given ?? "");
  return new Date(Number.isNaN(at) ? Date.parse(openedAt) - defaultDays * units.d : at).toISOString();
};

/** Of so many tenants each is looked at by itself. */
const mostTenants = 25;

/** Who read what, by actor, address and time. What it means only a person can say. */
export const scope: Step = async (context) => {
  const { api, incident, invocation } = context;
  if (api === undefined) return outOfReach(context, "summing up who read what");
  const since = evidenceSince(invocation, incident.openedAt);
  const sums = (tenantId: string, by: "actor" | "address" | "route"): Promise<readonly Sum[]> =>
    api.call("accessLog.summary", { query: { tenantId, by, since } });
  const looked = incident.tenants.slice(0, mostTenants);
  const found = await eachOf(looked, async ({ id, slug }) => {
    const [actors, addresses, routes] = await Promise.all([sums(id, "actor"), sums(id, "address"), sums(id, "route")]);
    const spans = (sum: Sum): string => `${plural(sum.requests, "request")}, ${sum.firstAt} to ${sum.lastAt}`;
    return [
      `${slug}: ${plural(actors.length, "actor")} from ${plural(addresses.length, "address", "addresses")} on ${plural(routes.length, "route")} since ${since}`,
      ...actors
        .slice(0, 10)
        .map((sum) => `  ${sum.name ?? sum.key}: ${spans(sum)}, ${plural(sum.addresses, "address", "addresses")}`),
      ...addresses.slice(0, 10).map((sum) => `  from ${sum.key}: ${spans(sum)}, ${plural(sum.actors, "actor")}`),
      ...routes.slice(0, 10).map((sum) => `  ${sum.key}: ${spans(sum)}`),
    ];
  });
  const rest = incident.tenants.length - looked.length;
  return over({
    result: "needs_person",
    evidence: shortened([
      ...found.flat(),
      ...(rest > 0 ? [`${plural(rest, "more tenant")}: see the sealed evidence`] : []),
    ]),
    next: `tenantctl logs access ${looked[0]?.slug ?? "TENANT"} --by address; then: tenantctl incident step ID scope --done '…'`,
  });
};
