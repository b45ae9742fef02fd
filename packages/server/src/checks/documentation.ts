import type { Found, Looking } from "./check.ts";
import { plural, some } from "./wording.ts";

/** Whether the guide's steps still run here: whoever runs the checklist has tried them, from where operators work. */
export const documentation = async ({ documentation: tried }: Looking): Promise<Found> => {
  if (tried === undefined || tried.length === 0) {
    return {
      result: "needs_person",
      evidence: ["nobody tried the guide's steps in this run: tenantctl does, a plain call of the API does not"],
      next: "tenantctl check weekly",
    };
  }
  const of = (outcome: (typeof tried)[number]["outcome"]) => tried.filter((one) => one.outcome === outcome);
  const [failed, refused, skipped] = [of("failed"), of("not_allowed"), of("skipped")];
  const line = ({ command, detail }: (typeof tried)[number]): string =>
    detail === undefined ? command : `${command}: ${detail}`;
  return {
    result: failed.length > 0 ? "problem" : refused.length + skipped.length > 0 ? "needs_person" : "ok",
    evidence: [
      `${of("ok").length} of ${plural(tried.length, "step")} of the guide work on this server`,
      ...some(
        failed.map((one) => `failed: ${line(one)}`),
        failed.length,
      ),
      ...some(
        refused.map((one) => `not allowed for this login: ${line(one)}`),
        refused.length,
        3,
      ),
      ...some(
        skipped.map((one) => `not tried: ${line(one)}`),
        skipped.length,
        3,
      ),
    ],
    next:
      failed.length > 0
        ? "mend the guide, or the server: these steps are what people reach for"
        : refused.length > 0
          ? "tenantctl check weekly, logged in as an operator"
          : undefined,
  };
};
