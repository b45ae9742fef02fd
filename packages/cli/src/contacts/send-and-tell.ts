import { exitCodes, type ResultOf, type Routes } from "@tenantctl/contract";
import type { Invocation } from "../invocation.ts";
import { printAnswer } from "../run-route.ts";

type SendResult = ResultOf<Routes["deliveries.resend"]>;

/** Sends, shows what the receivers said and what to do about it; exit 9 where one did not take it, as for anything unreachable. */
export const sendAndTell =
  (route: "contacts.test" | "deliveries.resend") =>
  async (invocation: Invocation): Promise<number> => {
    const { input } = await invocation.gathered();
    const { text } = await (await invocation.api()).text(route, input);
    await printAnswer(invocation, route, [text]);
    const answer: SendResult | ResultOf<Routes["contacts.test"]> = JSON.parse(text);
    const results = "results" in answer ? answer.results : [answer];
    for (const { host, ok, error, next } of results) {
      if (!ok) invocation.out.note(`${host}: ${error}. Next: ${next}`);
    }
    return answer.ok ? exitCodes.done : exitCodes.unreachable;
  };
