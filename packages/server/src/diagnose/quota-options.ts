import type { QuotaResource } from "@tenantctl/contract";
import { amountOf } from "../checks/quota-use.ts";
import { whole } from "../checks/wording.ts";
import type { QuotaRow } from "../quotas/quota-rows.ts";
import type { Finding } from "./diagnosis.ts";
import type { QuotaFacts } from "./quota-facts.ts";
import { daysLeft, nameOf, nearPercent, percentOf } from "./quota-use-finding.ts";

type Plan = QuotaFacts["plans"][number];

const limitOf: Readonly<Record<QuotaResource, (plan: Plan) => number | null>> = {
  users: ({ users }) => users,
  customers: ({ customers }) => customers,
  storage_bytes: ({ storageBytes }) => storageBytes,
  api_requests_per_day: ({ apiRequestsPerDay }) => apiRequestsPerDay,
};

const limitText = (resource: QuotaResource, limit: number | null): string =>
  limit === null ? "unlimited" : amountOf(resource, limit);

const planText = (plan: Plan): string =>
  `${plan.name}: ${limitText("users", plan.users)} users, ${limitText("customers", plan.customers)} customers, ${limitText("storage_bytes", plan.storageBytes)} storage, ${limitText("api_requests_per_day", plan.apiRequestsPerDay)} requests a day`;

const isLarger = (one: number | null, other: number | null): boolean => other !== null && (one === null || one > other);
const holds = (limit: number | null, used: number): boolean => limit === null || used < limit * (nearPercent / 100);

/** A limit that people would choose: twice the use, in two figures. */
const roomy = (used: number): number => {
  const wanted = Math.max(2, used * 2);
  const step = 10 ** Math.max(0, Math.floor(Math.log10(wanted)) - 1);
  return Math.ceil(wanted / step) * step;
};

const upgrade = (facts: QuotaFacts, slug: string, tight: readonly QuotaRow[]): Finding => {
  const fitting = facts.plans.filter(
    (plan) =>
      plan.name !== facts.plan &&
      facts.quotas.every(({ resource, used }) => holds(limitOf[resource](plan), used)) &&
      tight.every(({ resource, limit }) => isLarger(limitOf[resource](plan), limit)),
  );
  const overridden = tight.filter(({ source }) => source === "override");
  const [first] = fitting;
  return {
    id: "upgrade_plan",
    title: "Option 1: upgrade the plan",
    result: first === undefined ? "ok" : "needs_person",
    evidence: [
      ...(first === undefined
        ? ["no other plan has more room for everything that it uses; `tenantctl plans list` shows them"]
        : ["plans that hold what it uses, at less than 80 %:", ...fitting.slice(0, 3).map(planText)]),
      ...overridden.map(
        ({ resource }) =>
          `an override stands before the plan's limit; without it: tenantctl quotas set ${slug} ${resource} --use-plan --reason upgraded`,
      ),
    ],
    next: first === undefined ? undefined : `tenantctl update ${slug} --plan ${first.name}`,
  };
};

const raise = (facts: QuotaFacts, slug: string, quota: QuotaRow): Finding => {
  const { resource, used } = quota;
  const limit = roomy(Math.max(used, quota.limit ?? 0) / 1.5);
  const lasts = daysLeft(facts, { ...quota, limit });
  return {
    id: "raise_quota",
    title: "Option 2: raise the quota",
    result: "needs_person",
    evidence: [
      `with a limit of ${amountOf(resource, limit)} the use is ${percentOf({ used, limit })} %`,
      ...(lasts === undefined ? [] : [`that lasts ${whole(lasts)} days at this rate`]),
      "the plan stays; add --expires-at 30d to go back by itself",
    ],
    next: `tenantctl quotas set ${slug} ${resource} ${limit} --reason 'needs more room'`,
  };
};

/** Where to look for what could go. */
const listOf: Readonly<Record<QuotaResource, (slug: string) => string>> = {
  users: (slug) => `tenantctl users list ${slug}`,
  customers: (slug) => `tenantctl customers list ${slug} --sort createdAt`,
  storage_bytes: (slug) => `tenantctl customers list ${slug} --sort createdAt`,
  api_requests_per_day: (slug) => `tenantctl metrics ${slug} --since 7d`,
};

const reduce = (facts: QuotaFacts, slug: string, quota: QuotaRow): Finding => {
  const { resource, used, limit } = quota;
  const over = limit === null ? 0 : Math.max(0, used - Math.ceil(limit * (nearPercent / 100)) + 1);
  const candidates = resource === "users" ? Math.max(facts.users.disabled, facts.users.neverIn, facts.users.idle) : 0;
  return {
    id: "reduce_use",
    title: "Option 3: ask the tenant to use less",
    result: "needs_person",
    evidence: [
      over === 0
        ? `nothing has to go: ${nameOf(resource)} are below ${nearPercent} %`
        : `${amountOf(resource, over)} of ${nameOf(resource)} would have to go, to be below ${nearPercent} %`,
      ...(candidates > 0 ? [`${whole(candidates)} of the users are hardly used`] : []),
    ],
    next: listOf[resource](slug),
  };
};

/** The guide's three options, for the quota that is tightest. Without a limit there is nothing to choose. */
export const quotaOptions = (facts: QuotaFacts, slug: string): Finding[] => {
  const limited = facts.quotas.filter(({ limit }) => limit !== null).sort((a, b) => percentOf(b) - percentOf(a));
  const [tightest] = limited;
  if (tightest === undefined) return [];
  const near = limited.filter((quota) => percentOf(quota) >= nearPercent);
  const tight = near.length > 0 ? near : [tightest];
  const options = [upgrade(facts, slug, tight), raise(facts, slug, tightest), reduce(facts, slug, tightest)];
  // With room left they only say what could be done.
  return near.length > 0 ? options : options.map((option) => ({ ...option, result: "ok" }));
};
