import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { createMetrics } from "../src/metrics/registry.ts";
import { createTenantCounters } from "../src/metrics/tenant-counters.ts";
import { createTenantTallies, emptyTally } from "../src/metrics/tenant-tallies.ts";
import { parseExposition } from "./fixture/prometheus.ts";

const one = { requests: 1, errors: 0, clientErrors: 0, bytes: 100, seconds: 0.01 };
const idOf = (number: number): string => `01890000-0000-7000-8000-${String(number).padStart(12, "0")}`;

const clocked = (cap: number) => {
  const clock = { ms: 0 };
  return { clock, tallies: createTenantTallies(cap, () => clock.ms) };
};

describe("tenants' counts", () => {
  it("are shown from the first request while there are few tenants", () => {
    const { tallies } = clocked(10);
    for (const tenant of ["a", "b", "c"]) tallies.count(tenant, one);
    expect([...tallies.shown.keys()]).toEqual(["a", "b", "c"]);
    expect(tallies.others).toEqual(emptyTally());
  });

  it("give the rest of the places to the heaviest", () => {
    const { clock, tallies } = clocked(4);
    for (const tenant of ["first", "second"]) tallies.count(tenant, one);
    for (let tenant = 0; tenant < 50; tenant += 1) {
      for (let time = 0; time <= (tenant === 33 || tenant === 17 ? 20 : 1); time += 1) tallies.count(idOf(tenant), one);
    }
    clock.ms += 60_001;
    tallies.count("first", one);
    expect([...tallies.shown.keys()].sort()).toEqual([idOf(17), idOf(33), "first", "second"].sort());
  });

  it("let a much heavier tenant take the lightest one's place, and never go down meanwhile", () => {
    const { clock, tallies } = clocked(2);
    const minute = (counts: Readonly<Record<string, number>>): void => {
      for (const [tenant, requests] of Object.entries(counts)) {
        for (let time = 0; time < requests; time += 1) tallies.count(tenant, one);
      }
      clock.ms += 60_001;
    };
    minute({ light: 5, steady: 50 });
    minute({ light: 5, steady: 50 });
    const before = tallies.shown.get("light")?.requests ?? 0;
    expect(before).toBeGreaterThan(0);
    minute({ light: 2, steady: 50, newcomer: 40 });
    minute({ steady: 50, newcomer: 40 });
    expect([...tallies.shown.keys()].sort()).toEqual(["newcomer", "steady"]);
    // Back with a vengeance: it goes on where it stopped.
    minute({ light: 1000, steady: 50, newcomer: 1 });
    minute({ light: 10, steady: 50 });
    expect(tallies.shown.get("light")?.requests).toBeGreaterThan(before);
  });

  it("do not change hands among tenants of about the same weight", () => {
    const { clock, tallies } = clocked(10);
    let first: string[] = [];
    for (let minute = 0; minute < 20; minute += 1) {
      for (let tenant = 0; tenant < 100; tenant += 1) {
        for (let time = 0; time < 10 + ((tenant * 7 + minute * 13) % 10); time += 1) tallies.count(idOf(tenant), one);
      }
      clock.ms += 60_001;
      if (minute === 2) first = [...tallies.shown.keys()];
    }
    expect([...tallies.shown.keys()]).toEqual(first);
  });

  it("add up to all requests, and none ever goes down, whatever tenants do", () => {
    const { clock, tallies } = clocked(5);
    let state = 1;
    const random = (below: number): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state % below;
    };
    const last = new Map<string, number>();
    let sent = 0;
    const gone = new Map<string, number>();
    for (let step = 0; step < 40_000; step += 1) {
      tallies.count(idOf(random(random(60) + 1)), one);
      sent += 1;
      if (step % 200 === 0) clock.ms += 20_000;
      for (const [tenant, { requests }] of tallies.shown) {
        expect(requests).toBeGreaterThanOrEqual(last.get(tenant) ?? 0);
        last.set(tenant, requests);
      }
      expect(tallies.others.requests).toBeGreaterThanOrEqual(gone.get("others") ?? 0);
      gone.set("others", tallies.others.requests);
      expect(tallies.shown.size).toBeLessThanOrEqual(5);
    }
    const everShown = [...last.values()].reduce((sum, requests) => sum + requests, 0);
    expect(everShown + tallies.others.requests).toBe(sent);
  });

  it("stay small with 100,000 tenants, in memory and in the answer", async () => {
    const metrics = createMetrics(200);
    const request = {
      route: "customers.list",
      group: "customers",
      method: "GET",
      status: 200,
      isProbe: false,
      isPlanned: false,
    };
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const used = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = used();
    for (let round = 0; round < 3; round += 1) {
      for (let tenant = 0; tenant < 100_000; tenant += 1) {
        metrics.count({ ...request, seconds: 0.01, bytes: 100, tenantId: idOf(tenant) });
      }
    }
    const nameless = metrics.tenants.nameless();
    expect(nameless.length).toBeLessThanOrEqual(200);
    metrics.tenants.name(new Map(nameless.map((id, index) => [id, `tenant-${index}`])));
    const text = await metrics.registry.metrics();
    expect(used() - before).toBeLessThan(5_000_000);
    expect(text.length).toBeLessThan(200_000);
    const scraped = parseExposition(text);
    const requests = scraped.samples.filter(({ name }) => name === "tenantctl_tenant_requests_total");
    expect(requests.length).toBeLessThanOrEqual(202);
    expect(requests.reduce((sum, { value }) => sum + value, 0)).toBe(300_000);
    expect(scraped.value("tenantctl_tenant_requests_total", { tenant: "_other" })).toBeGreaterThan(290_000);
  });

  it("need no tenant series at all with a cap of 0", async () => {
    const registry = new Registry();
    const counters = createTenantCounters(registry, 0);
    counters.count(idOf(1), one);
    counters.count(null, one);
    const { value, samples } = parseExposition(await registry.metrics());
    expect(value("tenantctl_tenant_requests_total", { tenant: "_other" })).toBe(1);
    expect(value("tenantctl_tenant_requests_total", { tenant: "_system" })).toBe(1);
    expect(new Set(samples.map(({ labels }) => labels.tenant))).toEqual(new Set(["_other", "_system"]));
  });

  it("continue a former tenant's series where its slug is in use again", async () => {
    const registry = new Registry();
    const counters = createTenantCounters(registry, 10);
    for (const id of [idOf(1), idOf(2), idOf(2)]) counters.count(id, one);
    counters.name(new Map([1, 2].map((number) => [idOf(number), "acme"])));
    const { value } = parseExposition(await registry.metrics());
    expect(value("tenantctl_tenant_requests_total", { tenant: "acme" })).toBe(3);
  });
});
