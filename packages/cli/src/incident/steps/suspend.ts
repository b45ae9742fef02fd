import type { ResultOf, Routes } from "@tenantctl/contract";
import type { Api } from "../../session/api.ts";
import { notOver, outOfReach, over, plural, type Step, type StepResult, shortened } from "../step.ts";

export type ManySuspended = ResultOf<Routes["tenants.suspendMany"]>;

/** One request, and nothing before it. */
export const suspendNow = (
  api: Api,
  tenants: { readonly tenants?: string[]; readonly all?: boolean },
  incident: string,
): Promise<ManySuspended> =>
  api.call("tenants.suspendMany", { body: { ...tenants, reason: `data breach, incident ${incident}` } });

/** What the suspension came to: all, or each that failed by name; and whether a request gets in yet. */
export const suspensionResult = (many: ManySuspended): StepResult => {
  const { suspended, unchanged, failed, tookMs, tried, refused, tenants } = many;
  const open = tried - refused;
  const evidence = [
    `${plural(suspended, "tenant")} suspended${unchanged === 0 ? "" : `, ${unchanged} let nobody in already`}, in ${tookMs} ms`,
    tried === 0
      ? "they had no session and no token that could have been used"
      : `${plural(tried, "session or token", "sessions and tokens")} tried as the next request would be: ${open === 0 ? "all refused" : `${open} STILL LET IN`}`,
    ...shortened(
      tenants.map(({ tenant, slug, outcome, sessionsEnded, error }) =>
        outcome === "failed"
          ? `FAILED ${slug ?? tenant}: ${error}`
          : `${slug ?? tenant}: ${outcome === "suspended" ? `suspended, ${plural(sessionsEnded, "login")} ended` : "was shut already"}`,
      ),
    ),
  ];
  if (open > 0) return notOver({ result: "problem", evidence, next: "tenantctl incident step ID suspend" });
  if (failed === 0) return over({ result: "ok", evidence, next: null });
  const names = tenants.filter(({ outcome }) => outcome === "failed").map(({ tenant }) => tenant);
  // Nothing can be done about a name that is nobody's; it stays in the evidence.
  const unknown = tenants.every(({ outcome, id }) => outcome !== "failed" || id === null);
  const item = { result: "problem", evidence, next: `tenantctl list; then: tenantctl suspend ${names[0]}` } as const;
  return unknown ? over(item) : notOver(item);
};

export const suspend: Step = async (context) => {
  const { api, incident } = context;
  if (api === undefined) return outOfReach(context, "suspending the tenants");
  const tenants = [...incident.tenants.map(({ id }) => id), ...incident.unknownTenants];
  const wanted = incident.allTenants && tenants.length === 0 ? { all: true } : { tenants };
  return suspensionResult(await suspendNow(api, wanted, incident.id));
};
