import { build, sql } from "@tenantctl/database";
import { isNear, nearLimit, nearUses } from "../quotas/near-limit.ts";
import type { Found, Looking } from "./check.ts";
import { bytes, plural, some, whole } from "./wording.ts";

const most = 10;

const totals = sql<{ near: number; full: number; tenants: number }>`select count(*) as near,
    count(*) filter (where u.used >= u.quota) as full, count(distinct u.id) as tenants
  from (${nearUses}) u where ${isNear}`.compile(build);

/** An amount in the words of its quota. */
export const amountOf = (resource: string, value: number): string =>
  resource === "storage_bytes" ? bytes(value) : whole(value);

export const quotaUse = async ({ ask }: Looking): Promise<Found> => {
  const [fullest, [counted]] = [await ask(nearLimit(most)), await ask(totals)];
  const [first] = fullest;
  if (first === undefined || counted === undefined)
    return { result: "ok", evidence: ["no quota is used to 80 % or more"] };
  const lines = fullest.map(
    ({ slug, resource, used, limit, percentage }) =>
      `${slug}: ${resource.replaceAll("_", " ")} ${amountOf(resource, used)} of ${amountOf(resource, limit)}, ${Math.round(percentage)} %`,
  );
  return {
    result: counted.full > 0 ? "problem" : "warning",
    evidence: [
      `${plural(counted.near, "quota")} of ${plural(counted.tenants, "tenant")} at 80 % or more, ${counted.full} used up`,
      ...some(lines, counted.near, most),
    ],
    next: `tenantctl quotas show ${first.slug}`,
    figures: [
      {
        title: "The fullest quotas",
        kind: "ranking",
        unit: "percent",
        labels: fullest.map(({ slug, resource }) => `${slug}: ${resource.replaceAll("_", " ")}`),
        series: [{ name: "used", values: fullest.map(({ percentage }) => percentage) }],
      },
    ],
  };
};
