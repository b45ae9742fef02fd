import type { Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import type { Handler } from "../call.ts";
import { normaliseEmail } from "../email.ts";
import { jsonTime } from "../json-time.ts";
import { findTenant, noSuchTenant } from "../tenants/find-tenant.ts";
import { diagnosisOf, type Finding, reasons } from "./diagnosis.ts";
import { loginFacts } from "./login-facts.ts";
import { type LoginSubject, loginFindings, type Serving } from "./login-findings.ts";

const verdictOf = ({ tenant, email }: LoginSubject, findings: readonly Finding[]): string => {
  const why = reasons(findings);
  if (why !== "") return `${email} can't log in to ${tenant.slug} because ${why}`;
  const has = (id: string, result: string): boolean =>
    findings.some((finding) => finding.id === id && finding.result === result);
  const but = has("password", "warning")
    ? ", and has to set a new password then"
    : has("attempts", "needs_person")
      ? " with the right password; the one that was tried is wrong"
      : "";
  return `${email} could log in to ${tenant.slug}${but}`;
};

/** `GET /api/admin/diagnose/login`: why somebody can't log in. Throws tenant_not_found. */
export const diagnoseLogin: Handler<Routes["diagnose.login"]> = async ({ app, scope, query }) => {
  const found = await findTenant(scope, query.tenantId);
  const email = normaliseEmail(query.email);
  // Repetitions within a minute are folded before they are written.
  await app.refusals.flush();
  const [[serving], facts] = await Promise.all([
    scope.run(
      sql<Serving>`select status_reason as "statusReason", ${jsonTime("status_changed_at")} as "statusChangedAt",
          case when app.maintenance_stands(maintenance) then maintenance end as "ownMaintenance",
          (select m.maintenance from app.system_maintenance m where app.maintenance_stands(m.maintenance)) as "systemMaintenance"
        from app.tenants where id = ${found.id}::uuid`.compile(build),
    ),
    loginFacts(scope, found.id, email, query.address),
  ]);
  if (serving === undefined) throw noSuchTenant();
  const subject: LoginSubject = { tenant: { ...found, ...serving }, email, facts };
  const findings = loginFindings(subject);
  return diagnosisOf(verdictOf(subject, findings), findings);
};
