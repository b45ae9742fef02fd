import { usage } from "../cli-error.ts";
import { defineCommands, type Positional } from "../command.ts";
import type { Column } from "../output/column.ts";
import { runRoute } from "../run-route.ts";

const rule = [{ name: "name", label: "rule" }] as const satisfies readonly Positional[];

const cells = [
  { key: "criticalThreshold", title: "critical from", none: "never" },
  { key: "handsOverAt", title: "another rule from", none: "never" },
  { key: "forSeconds", title: "for", as: "duration" },
  { key: "clearAfterSeconds", title: "clear after", as: "duration" },
  { key: "escalateAfterSeconds", title: "escalate after", as: "duration", none: "never" },
  { key: "notify", none: "nobody" },
  { key: "durationMs", title: "took (ms)" },
  { key: "evaluatedAt", none: "never" },
] as const satisfies readonly Column[];

export const ruleCommands = defineCommands([
  {
    path: ["alerts", "rules", "list"],
    route: "alertRules.list",
    description:
      "unavailable: what it watches can't be seen here, so it can't be called clear. broken: it can't be evaluated, which is an alert of its own.",
    columns: [
      { key: "name" },
      { key: "state", as: "status" },
      { key: "threshold", as: "count" },
      { key: "unit" },
      { key: "severity", as: "severity", drop: 3 },
      { key: "forSeconds", title: "for", as: "duration", drop: 4 },
      { key: "notify", none: "nobody", flex: true, drop: 5 },
      { key: "alerts", as: "count", drop: 2 },
      { key: "source", drop: 7 },
      { key: "evaluatedAt", title: "evaluated", as: "time", none: "never", drop: 6 },
      { key: "durationMs", title: "ms", as: "count", drop: 8 },
      { key: "problem", flex: true, drop: 1 },
    ],
    examples: ["alerts rules list", "alerts rules list -o json"],
  },
  {
    path: ["alerts", "rules", "show"],
    route: "alertRules.get",
    positional: rule,
    cells,
    examples: ["alerts rules show error_rate"],
  },
  {
    path: ["alerts", "rules", "set"],
    route: "alertRules.set",
    positional: rule,
    // Two flags that say it both ways, in place of one that can't say no.
    fixed: { enabled: undefined },
    flags: [
      { flags: "--enable", help: "Evaluate it again" },
      { flags: "--disable", help: "Evaluate it no more; its alerts are resolved" },
    ],
    run: async (invocation) => {
      const { enable, disable } = invocation.flags;
      if (enable === true && disable === true)
        throw usage("--enable and --disable exclude each other", "Give one of them.");
      const { route, input } = await invocation.gathered();
      const enabled = enable === true ? true : disable === true ? false : undefined;
      const said = Object.entries({ ...input.body, enabled }).filter(([, value]) => value !== undefined);
      if (said.length === 0)
        throw usage(
          "say what is to change",
          "For instance: tenantctl alerts rules set error_rate --threshold 2 --for 5m",
        );
      // `--notify nobody`: a list that is empty can't be typed otherwise.
      const body = Object.fromEntries(
        said.map(([key, value]) => [key, key === "notify" && String(value) === "nobody" ? [] : value]),
      );
      return runRoute({ ...invocation, gathered: async () => ({ route, input: { ...input, body } }) });
    },
    cells,
    done: ({ name }) =>
      `the next evaluation goes by it, within a minute. Try it now: tenantctl alerts rules test ${String(name)}`,
    examples: [
      "alerts rules set error_rate --threshold 2 --for 5m",
      "alerts rules set latency --critical-threshold none --notify on_call,escalation --escalate-after 15m",
      "alerts rules set drill_overdue --disable",
      "alerts rules set database_grows --metric database_size --threshold 50 --severity info --notify nobody",
    ],
  },
  {
    path: ["alerts", "rules", "reset"],
    route: "alertRules.reset",
    positional: rule,
    cells,
    confirm: {
      question: "Set the rule %s back to what was shipped (or remove it, where it is your own)?",
      reversible: false,
    },
    done: ({ name, source }) =>
      source === "own" ? `removed ${String(name)}.` : `${String(name)} is as it was shipped.`,
    examples: ["alerts rules reset error_rate", "alerts rules reset database_grows --yes"],
  },
  {
    path: ["alerts", "rules", "test"],
    route: "alertRules.test",
    positional: rule,
    run: async (invocation) => (await import("../alerts/test-rule.ts")).testRule(invocation),
    examples: ["alerts rules test quota_near", "alerts rules test error_rate --threshold 0.5"],
  },
  {
    path: ["alerts", "rules", "metrics"],
    route: "alertMetrics.list",
    columns: [
      { key: "name" },
      { key: "unit" },
      { key: "about", flex: true },
      { key: "rules", flex: true, drop: 1 },
      { key: "unavailable", flex: true, drop: 2 },
      { key: "cost", flex: true, drop: 3 },
    ],
    examples: ["alerts rules metrics", "alerts rules metrics -o json"],
  },
]);
