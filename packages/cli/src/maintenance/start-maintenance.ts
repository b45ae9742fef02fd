import type { Invocation } from "../invocation.ts";
import { confirmStep } from "../prompt/confirm.ts";
import { runRoute } from "../run-route.ts";

/** The whole system is asked about where somebody can answer; one tenant is not. */
export const startMaintenance = async (invocation: Invocation): Promise<number> => {
  const { input } = await invocation.gathered();
  if (input.body?.tenantId === undefined) {
    const refused = input.body?.readOnly === true ? "changes" : "requests";
    const question = `Put the whole system into maintenance? All tenants' ${refused} are refused until it ends.`;
    await confirmStep({ question, reversible: true }, "", invocation.settings, invocation.ask, async () => undefined);
  }
  return runRoute(invocation);
};
