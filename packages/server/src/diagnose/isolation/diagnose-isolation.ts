import { ContractError, type Routes } from "@tenantctl/contract";
import { type LintResult, type ProbeReport, probeTenants, runLints } from "@tenantctl/database";
import type { App } from "../../app.ts";
import { audited } from "../../audit/audited.ts";
import { sealAll } from "../../audit/sealer.ts";
import type { Call, Handler } from "../../call.ts";
import { operatorEntry } from "../../call-scope.ts";
import { plural } from "../../checks/wording.ts";
import { findTenant } from "../../tenants/find-tenant.ts";
import { diagnosisOf, type Finding } from "../diagnosis.ts";
import { lintItems, routeItems, tableItems } from "./isolation-items.ts";
import { createRouteProbe, type RouteReport } from "./probe-routes.ts";
import { withCanaries } from "./with-canaries.ts";

type Isolation = Routes["diagnose.isolation"];

interface Tried {
  readonly tables: ProbeReport;
  /** null where the tenants are real: nobody has their credentials. */
  readonly routes: RouteReport | null;
}

/** Two tenants that are there: read each other's rows, in both directions; nothing is written. */
const tryPair = async ({ app, scope }: Call<Isolation>, references: readonly string[]): Promise<Tried> => {
  const found = [];
  for (const reference of references) found.push(await findTenant(scope, reference));
  const [a, b] = found;
  if (a === undefined || b === undefined || a.id === b.id) {
    throw new ContractError("invalid_request", "Isolation is between two tenants.", "Name two different ones.");
  }
  const one = await probeTenants(app.db, app.db.operator(), [a.id, b.id], { readOnly: true });
  const other = await probeTenants(app.db, app.db.operator(), [b.id, a.id], { readOnly: true });
  const routes = null;
  return {
    tables: {
      relations: one.relations,
      tried: one.tried + other.tried,
      findings: [...one.findings, ...other.findings],
      notProven: [...one.notProven, ...other.notProven],
    },
    routes,
  };
};

/** Two tenants made for it: every verb on every table, every route of tenants. */
const tryCanaries = (app: App): Promise<Tried> =>
  withCanaries(app, async ({ a, fillB, alive }) => {
    const probe = createRouteProbe(app);
    await probe.before(a);
    const b = await fillB();
    // What is written behind a request: the logs and their seals have rows then.
    await app.accessLog.flush();
    await sealAll(app);
    const routes = await probe.probe(a, b, alive);
    const tables = await probeTenants(app.db, app.db.operator(), [a.id, b.id], { readOnly: false, onRelation: alive });
    return { tables, routes };
  });

const sumOf = (lints: readonly LintResult[], { tables, routes }: Tried): string =>
  [
    plural(lints.length, "lint"),
    `${plural(tables.tried, "statement")} on ${plural(tables.relations, "table")}`,
    ...(routes === null ? [] : [`${plural(routes.tried, "call")} of ${plural(routes.routes, "route")}`]),
  ].join(", ");

const verdictOf = (items: readonly Finding[], sum: string): string => {
  const broken = items.filter(({ id, result }) => result === "problem" && id !== "tables" && id !== "routes").length;
  const open = items.filter(({ result }) => result === "needs_person").length;
  if (broken > 0) return `Isolation does not hold: ${plural(broken, "finding")} (${sum}).`;
  return open === 0 ? `No way from one tenant to another: ${sum}.` : `No finding, but ${open} not proven: ${sum}.`;
};

/** Looks for ways from one tenant to another, and tries them. Throws lease_held while another diagnosis does. */
export const diagnoseIsolation: Handler<Isolation> = async (call) => {
  const { app, body } = call;
  const lints = await runLints(app.db.operator(operatorEntry(call.principal, call.route.access), { readOnly: true }));
  const tried = body.tenants === undefined ? await tryCanaries(app) : await tryPair(call, body.tenants);
  const items = [
    ...lintItems(lints),
    ...tableItems(tried.tables),
    ...(tried.routes === null ? [] : routeItems(tried.routes)),
  ];
  const diagnosis = diagnosisOf(verdictOf(items, sumOf(lints, tried)), items);
  await call.scope.run(audited(call, { detail: diagnosis.verdict.slice(0, 300) }));
  return {
    ...diagnosis,
    counts: {
      lints: lints.length,
      tables: tried.tables.relations,
      statements: tried.tables.tried,
      routes: tried.routes?.routes ?? 0,
      calls: tried.routes?.tried ?? 0,
    },
  };
};
