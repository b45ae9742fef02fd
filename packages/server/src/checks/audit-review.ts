import type { CheckResult } from "@tenantctl/contract";
import type { Found, Looking } from "./check.ts";
import { logIntegrity } from "./log-integrity.ts";
import { reviewedChanges } from "./reviewed-changes.ts";
import { unusualLogins } from "./unusual-logins.ts";
import { worst } from "./wording.ts";

const byWeight: readonly CheckResult[] = ["problem", "warning", "needs_person", "ok"];

/** What a reader of the week's audit log would look for. */
export const auditReview = async (looking: Looking): Promise<Found> => {
  const parts = [await unusualLogins(looking), await reviewedChanges(looking), await logIntegrity(looking)];
  const sorted = [...parts].sort((a, b) => byWeight.indexOf(a.result) - byWeight.indexOf(b.result));
  return {
    result: worst(parts.map(({ result }) => result)),
    evidence: sorted.flatMap(({ evidence }) => evidence),
    next: sorted[0]?.next,
  };
};
