import { type RouteId, type RouteShape, routeIds, routes } from "@tenantctl/contract";
import { describe, expect, it } from "vitest";

/** Answers of arrays that have no page: what bounds each. */
const bounded: Partial<Record<RouteId, string>> = {
  "quotas.get": "one for each kind of quota",
  "quotas.set": "one for each kind of quota",
  "plans.list": "the plans that are shipped",
  "tokens.list": "the newest 1000",
  "tenantTokens.list": "the newest 1000",
  "accessLog.summary": "the 1000 keys with most requests",
  "alertRules.list": "the rules that are shipped and a few more",
  "alertMetrics.list": "the metrics of this version",
  "placements.list": "one for each shard",
  "holds.list": "the newest 10,000",
  "maintenance.list": "the newest 10,000",
  "contacts.list": "the first 10,000",
  "incidents.system": "one for each finding of a look",
  // Streamed from the log as it is read, a batch at a time.
  "audit.export": "streams",
  "audit.verify": "streams",
  "audit.checkpoint": "streams",
};

const answersArray = ({ responses }: RouteShape): boolean =>
  Object.entries(responses).some(
    ([status, schema]) => status.startsWith("2") && "type" in schema && schema.type === "array",
  );

const queryOf = ({ query }: RouteShape): Readonly<Record<string, unknown>> => query?.properties ?? {};

const arrays = routeIds.filter((id) => answersArray(routes[id]));

describe("a list", () => {
  it.each(arrays.filter((id) => bounded[id] === undefined))("%s is read in pages that have a largest size", (id) => {
    const query = queryOf(routes[id]);
    expect(query.limit).toMatchObject({ maximum: expect.any(Number) });
    if (id !== "metrics.top") expect(query).toHaveProperty("cursor");
  });

  it("is complete without a limit only where it streams", () => {
    const complete = arrays.filter((id) => {
      const shape: RouteShape = routes[id];
      return shape.list === "complete";
    });
    expect(complete.sort()).toEqual(["audit.checkpoint", "audit.export", "audit.verify", "tenants.list"]);
  });

  it("has no exception that it does not need", () => {
    for (const id of Object.keys(bounded)) expect(arrays).toContain(id);
  });
});
