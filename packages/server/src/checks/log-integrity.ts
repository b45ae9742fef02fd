import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import { type Seen, verifyLog } from "../audit/verify-log.ts";
import { jsonTime } from "../json-time.ts";
import type { Found, Looking } from "./check.ts";
import { minute, plural, some } from "./wording.ts";

/** A log that takes longer is proven by `audit verify`, which has all the time it needs. */
const patienceMs = 20_000;
const mostNamed = 5;

interface Proof {
  readonly rows: number;
  readonly problems: number;
  readonly named: readonly string[];
  readonly complete: boolean;
}

/** Checks the rows that were sealed since then, as `audit verify --since` does. */
const verifySince = (app: Looking["app"], since: string): Promise<Proof> =>
  app.db.operatorSnapshot(
    undefined,
    async (snapshot) => {
      const seen: Seen = {
        chains: 0,
        rows: 0,
        detailsErased: 0,
        waiting: 0,
        sealedUntil: null,
        firstSealedAt: null,
        droppedBefore: null,
      };
      const end = performance.now() + patienceMs;
      const named: string[] = [];
      let problems = 0;
      for await (const event of verifyLog(snapshot, app.auditKeys, { tenantId: undefined, since }, seen)) {
        if (event.type === "problem") {
          problems += 1;
          if (named.length < mostNamed) named.push(`${event.problem}: ${event.what}`);
        }
        if (performance.now() > end) return { rows: seen.rows, problems, named, complete: false };
      }
      return { rows: seen.rows, problems, named, complete: true };
    },
    { exactText: true },
  );

const lastVerify = sql<{ at: string; by: string | null }>`select ${jsonTime("l.at")} as at, l.actor_name as by
  from app.audit_log l where l.tenant_id = ${SYSTEM_TENANT_ID}::uuid and l.action = 'verify' and l.resource_type = 'audit_log'
    and l.outcome = 'success' order by l.at desc limit 1`.compile(build);

/** Whether the audit log is as it was written. */
export const logIntegrity = async ({ app, ask, since }: Looking): Promise<Found> => {
  const { rows, problems, named, complete } = await verifySince(app, since);
  const [full] = await ask(lastVerify);
  const last = full === undefined ? "never" : `${minute(full.at)}${full.by === null ? "" : ` by ${full.by}`}`;
  return {
    result: problems > 0 ? "problem" : complete ? "ok" : "needs_person",
    evidence: [
      problems === 0
        ? `integrity: ${plural(rows, "row")} sealed since ${minute(since)} ${complete ? "are as they were written" : "checked, no problem among them; the rest takes longer"}`
        : `integrity: ${plural(problems, "problem")} in ${plural(rows, "row")} sealed since ${minute(since)}`,
      ...some(named, problems, mostNamed),
      `the whole log was last proven with tenantctl audit verify: ${last}`,
    ],
    next: problems > 0 || !complete ? "tenantctl audit verify" : undefined,
  };
};
