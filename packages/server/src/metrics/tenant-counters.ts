import { SYSTEM_TENANT_ID } from "@tenantctl/database";
import { Counter, type Registry } from "prom-client";
import { createTenantTallies, emptyTally, type Tally } from "./tenant-tallies.ts";

/** Labels that no tenant can have: a slug begins with a letter or a digit. */
const systemLabel = "_system";
const othersLabel = "_other";

const counters: readonly [name: string, help: string, of: keyof Tally][] = [
  ["tenantctl_tenant_requests_total", "Requests about a tenant", "requests"],
  ["tenantctl_tenant_errors_total", "Answers of 500 and above about a tenant", "errors"],
  ["tenantctl_tenant_client_errors_total", "Answers of 400 to 499 about a tenant", "clientErrors"],
  ["tenantctl_tenant_response_bytes_total", "Bytes answered to requests about a tenant", "bytes"],
  ["tenantctl_tenant_request_seconds_total", "Time that requests about a tenant took, added up", "seconds"],
];

export interface TenantCounters {
  count(tenantId: string | null, request: Tally): void;
  /** Shown tenants whose slug is not known yet. */
  nameless(): string[];
  /** Tells slugs, by id. They never change; one that is free again after a purge continues the former one's series. */
  name(slugs: ReadonlyMap<string, string>): void;
}

/**
 * Counters by tenant: `cap` tenants have series of their own, all others share `tenant="_other"`; requests about none are
 * `tenant="_system"`. A tenant appears once its slug is known.
 */
export const createTenantCounters = (registry: Registry, cap: number): TenantCounters => {
  const tallies = createTenantTallies(cap);
  const system = emptyTally();
  const slugs = new Map<string, string>();

  const byLabel = (of: keyof Tally): Map<string, number> => {
    const sums = new Map([
      [systemLabel, system[of]],
      [othersLabel, tallies.others[of]],
    ]);
    for (const [tenantId, tally] of tallies.shown) {
      const slug = slugs.get(tenantId);
      if (slug !== undefined) sums.set(slug, (sums.get(slug) ?? 0) + tally[of]);
    }
    return sums;
  };

  for (const [name, help, of] of counters) {
    const counter = new Counter({
      name,
      help: `${help}: the heaviest ${cap} tenants each, the others as ${othersLabel}, none as ${systemLabel}`,
      labelNames: ["tenant"],
      registers: [registry],
      collect() {
        counter.reset();
        for (const [tenant, value] of byLabel(of)) counter.inc({ tenant }, value);
      },
    });
  }

  return {
    count: (tenantId, request) => {
      if (tenantId !== null && tenantId !== SYSTEM_TENANT_ID) return tallies.count(tenantId, request);
      for (const [, , of] of counters) system[of] += request[of];
    },
    nameless: () => [...tallies.shown.keys()].filter((id) => !slugs.has(id)),
    name: (found) => {
      for (const [id, slug] of found) slugs.set(id, slug);
      for (const id of slugs.keys()) if (!tallies.shown.has(id)) slugs.delete(id);
    },
  };
};
