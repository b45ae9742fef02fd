import type { Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import type { Handler } from "../call.ts";
import { normaliseEmail } from "../email.ts";
import { jsonTime } from "../json-time.ts";
import { findTenant, noSuchTenant } from "../tenants/find-tenant.ts";
import { diagnosisOf, type Finding, reasons } from "./diagnosis.ts";
import { loginFacts } from "./login-facts.ts";
import { type LoginSubject, loginFindings } from "./login-findings.ts";

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
export const diagnoseLogin: Handler<Routes["diagnose.login"]> = async ({ scope, query }) => {
  const found = await findTenant(scope, query.tenantId);
  const email = normaliseEmail(query.email);
  const [[status], facts] = await Promise.all([
    scope.run(
      sql<{ statusReason: string | null; statusChangedAt: string }>`select status_reason as "statusReason",
          ${jsonTime("status_changed_at")} as "statusChangedAt" from app.tenants where id = ${found.id}::uuid`.compile(
        build,
      ),
    ),
    loginFacts(scope, found.id, email, query.address),
  ]);
  if (status === undefined) throw noSuchTenant();
  const subject: LoginSubject = { tenant: { ...found, ...status }, email, facts };
  const findings = loginFindings(subject);
  return diagnosisOf(verdictOf(subject, findings), findings);
};
