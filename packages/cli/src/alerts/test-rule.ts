import type { ResultOf, Routes } from "@tenantctl/contract";
import type { Invocation } from "../invocation.ts";
import { cleanLine } from "../output/clean.ts";
import { printAnswer } from "../run-route.ts";

type Test = ResultOf<Routes["alertRules.test"]>;

const columns = [
  { key: "severity", as: "severity" },
  { key: "value", as: "count" },
  { key: "alert" },
  { key: "summary", flex: true },
  { key: "next", flex: true, drop: 1 },
] as const;

/** What a rule finds now: for people a table of its findings, in data formats the whole answer. */
export const testRule = async (invocation: Invocation): Promise<number> => {
  const { route, input } = await invocation.gathered();
  const { text } = await (await invocation.api()).text(route, input);
  const { settings, out } = invocation;
  if (settings.output !== "table") {
    await printAnswer(invocation, route, [text]);
    return 0;
  }
  const test: Test = JSON.parse(text);
  if (test.unavailable !== null) {
    out.note(cleanLine(`${test.rule} can't be measured here: ${test.unavailable}`));
    return 0;
  }
  const empty = `${test.rule} holds for nothing at ${test.threshold} ${test.unit}.`;
  const rounded = test.findings.map((finding) => ({ ...finding, value: Math.round(finding.value * 10) / 10 }));
  await out.list([JSON.stringify(rounded)], { columns, properties: [], empty });
  if (test.holding > test.findings.length) out.note(`the worst ${test.findings.length} of ${test.holding}.`);
  out.note(`nothing was opened: it was evaluated at ${test.threshold} ${test.unit} in ${test.durationMs} ms.`);
  return 0;
};
