import type { Routes } from "@tenantctl/contract";
import type { Handler } from "../call.ts";
import { findTenant, noSuchTenant } from "../tenants/find-tenant.ts";
import { diagnosisOf, type Finding, reasons } from "./diagnosis.ts";
import { type QuotaFacts, quotaFacts } from "./quota-facts.ts";
import { quotaOptions } from "./quota-options.ts";
import { daysLeft, nameOf, nearPercent, percentOf, quotaUseFinding } from "./quota-use-finding.ts";

const verdictOf = (slug: string, facts: QuotaFacts, findings: readonly Finding[]): string => {
  const full = reasons(findings);
  if (full !== "") return `${slug} has used up its quota of ${full}`;
  const near = facts.quotas.filter((quota) => percentOf(quota) >= nearPercent);
  if (near.length > 0)
    return `${slug} is near its quota of ${near.map((quota) => `${nameOf(quota.resource)} (${percentOf(quota)} %)`).join(", ")}`;
  const soon = facts.quotas
    .map((quota) => ({ quota, days: daysLeft(facts, quota) ?? Number.POSITIVE_INFINITY }))
    .sort((a, b) => a.days - b.days)[0];
  const [fullest] = [...facts.quotas].filter(({ limit }) => limit !== null).sort((a, b) => percentOf(b) - percentOf(a));
  if (fullest === undefined) return `${slug} has no limits`;
  const later =
    soon === undefined || soon.days > 365
      ? ""
      : `; ${nameOf(soon.quota.resource)} will be full in ${Math.round(soon.days)} days at this rate`;
  return `${slug} has room: the fullest quota is ${nameOf(fullest.resource)}, ${percentOf(fullest)} %${later}`;
};

/** `GET /api/admin/diagnose/quota`: use, trend, what uses it, and what the three options would do. Throws tenant_not_found. */
export const diagnoseQuota: Handler<Routes["diagnose.quota"]> = async ({ scope, query }) => {
  const { id, slug } = await findTenant(scope, query.tenantId);
  const facts = await quotaFacts(scope, id);
  if (facts === undefined) throw noSuchTenant();
  const findings = [...facts.quotas.map((quota) => quotaUseFinding(facts, slug, quota)), ...quotaOptions(facts, slug)];
  return diagnosisOf(verdictOf(slug, facts, findings), findings);
};
