import type { RouteShape } from "@tenantctl/contract";
import { routes } from "@tenantctl/contract";
import type { LintResult, ProbeReport } from "@tenantctl/database";
import { plural, some } from "../../checks/wording.ts";
import type { Finding } from "../diagnosis.ts";
import type { RouteReport } from "./probe-routes.ts";

const again = "tenantctl diagnose isolation";

/** One item for each lint that found something, else one for all. */
export const lintItems = (results: readonly LintResult[]): Finding[] => {
  const found = results.filter(({ findings }) => findings.length > 0);
  if (found.length === 0) {
    return [{ id: "lints", title: "Lints", result: "ok", evidence: [`${plural(results.length, "lint")}, no finding`] }];
  }
  return found.map(({ lint, title, findings }) => ({
    id: `lint ${lint}`,
    title,
    result: "problem",
    evidence: [
      ...some(
        findings.map(({ detail, fix }) => (findings.length === 1 ? detail : `${detail}. Mend it: ${fix}`)),
        findings.length,
      ),
      `docs/lints/${lint}.md says what it means`,
    ],
    next: findings.length === 1 ? findings[0]?.fix : again,
  }));
};

const byKey = <T>(all: readonly T[], key: (one: T) => string): Map<string, T[]> => {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(key(one), [...(groups.get(key(one)) ?? []), one]);
  return groups;
};

/** One item for each table or route whose isolation was broken, one for each where trying proves nothing, and the sum. */
const itemsOf = <F, N extends { readonly why: string }>(
  { id, title, sum }: { readonly id: string; readonly title: string; readonly sum: string },
  findings: Map<string, F[]>,
  notProven: Map<string, N[]>,
  line: (finding: F) => string,
  next: (name: string) => string,
): Finding[] => [
  ...[...findings].map(
    ([name, its]): Finding => ({
      id: `${id} ${name}`,
      title: `Another tenant gets at ${name}`,
      result: "problem",
      evidence: some(its.map(line), its.length, 16),
      next: next(name),
    }),
  ),
  ...[...notProven].map(
    ([name, its]): Finding => ({
      id: `${id} ${name}, not proven`,
      title: `Not proven: ${name}`,
      result: "needs_person",
      evidence: [...new Set(its.map(({ why }) => why))],
    }),
  ),
  { id, title, result: findings.size > 0 ? "problem" : "ok", evidence: [sum] },
];

/** What trying it as the role tenant came to. */
export const tableItems = (report: ProbeReport): Finding[] =>
  itemsOf(
    {
      id: "tables",
      title: "Tables, as the tenant role",
      sum: `${plural(report.relations, "table")} and views, ${plural(report.tried, "statement")} tried, ${plural(report.findings.length, "finding")}`,
    },
    byKey(report.findings, ({ relation }) => relation),
    byKey(report.notProven, ({ relation }) => relation),
    ({ verb, case: where, saw }) => `${verb}, ${where}: ${saw}`,
    (relation) => `psql -c '\\d ${relation}' shows its policies and grants; mend what the lints name, then: ${again}`,
  );

/** What calling the routes came to. */
export const routeItems = (report: RouteReport): Finding[] => {
  const named = (id: keyof typeof routes): string => {
    const { method, path }: RouteShape = routes[id];
    return `${method} ${path}`;
  };
  return itemsOf(
    {
      id: "routes",
      title: "Routes, with another tenant's credentials",
      sum: `${plural(report.routes, "route")}, ${plural(report.tried, "call")}, ${plural(report.findings.length, "finding")}`,
    },
    byKey(report.findings, ({ route }) => named(route)),
    byKey(report.notProven, ({ route }) => named(route)),
    ({ saw }) => saw,
    () => `tenantctl maintenance on, until the API is mended; then: ${again}`,
  );
};
