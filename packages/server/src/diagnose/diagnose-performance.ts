import { errors, type Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import type { Handler } from "../call.ts";
import { asContractError } from "../problem.ts";
import { diagnosisOf, type Finding, reasons } from "./diagnosis.ts";
import { cache, deadRows, longTransactions, pools } from "./performance/activity.ts";
import { duplicateIndexes, foreignKeys, sequentialScans, unusedIndexes } from "./performance/indexes.ts";
import type { Look, Looking } from "./performance/look.ts";
import { statements } from "./performance/statements.ts";
import { tenants } from "./performance/tenants.ts";

const looks: readonly Look[] = [
  { id: "pools", title: "Connections are free", see: pools },
  { id: "transactions", title: "No transaction stays open", see: longTransactions },
  { id: "statements", title: "Slowest statements", see: statements },
  { id: "tenants", title: "Heaviest tenants, 24 hours", see: tenants },
  { id: "sequential_scans", title: "Large tables are read by an index", see: sequentialScans },
  { id: "foreign_keys", title: "Foreign keys have an index", see: foreignKeys },
  { id: "unused_indexes", title: "Every index is used", see: unusedIndexes },
  { id: "duplicate_indexes", title: "No index is there twice", see: duplicateIndexes },
  { id: "dead_rows", title: "Vacuum keeps up", see: deadRows },
  { id: "cache", title: "The memory holds what is read", see: cache },
];

const patience = sql`set local statement_timeout = '15s'`.compile(build);

/** What can't be looked at is said, and does not keep the rest from being seen. */
const findingOf = async ({ id, title, see }: Look, looking: Looking): Promise<Finding> => {
  try {
    return { id, title, ...(await see(looking)) };
  } catch (error) {
    const { code } = asContractError(error);
    // Nothing can be seen then, and whoever asks must log in again or wait.
    if ([401, 403, 503].includes(errors[code].status) && code !== "timeout") throw error;
    looking.app.log.error({ err: error, look: id }, "a look of the performance diagnosis failed");
    looking.app.errors.add({ error, source: "job", place: `diagnose ${id}` });
    const why = code === "timeout" ? "it took longer than 15 seconds" : "an unexpected error; the API's log has it";
    const evidence = [`could not be looked at: ${why}`];
    return { id, title, result: "needs_person", evidence, next: "tenantctl logs errors" };
  }
};

const verdictOf = (findings: readonly Finding[]): string => {
  const why = reasons(findings);
  if (why !== "") return `the system is slow because ${why}`;
  const warned = findings.filter(({ result }) => result === "warning");
  if (warned.length > 0)
    return `nothing is acute; worth a look: ${warned.map(({ title }) => title.toLowerCase()).join(", ")}`;
  const unseen = findings.filter(({ result }) => result === "needs_person");
  return unseen.length === 0
    ? "nothing was found that makes the system slow"
    : "nothing that could be seen makes the system slow; not everything could";
};

/** `GET /api/admin/diagnose/performance`: one look after the other, since a slow system needs its connections. */
export const diagnosePerformance: Handler<Routes["diagnose.performance"]> = async ({ app, scope }) => {
  const looking: Looking = { app, ask: async (query) => (await scope.batch([patience, query]))[1] };
  const findings: Finding[] = [];
  for (const look of looks) findings.push(await findingOf(look, looking));
  return diagnosisOf(verdictOf(findings), findings);
};
