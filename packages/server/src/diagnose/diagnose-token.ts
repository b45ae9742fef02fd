import { type CheckItem, type Routes, tokenItems, tokenKindOf } from "@tenantctl/contract";
import { build, type Scope, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import { hashOf } from "../auth/api-token.ts";
import type { Call, Handler } from "../call.ts";
import { accessTokenFindings } from "./access-token-findings.ts";
import { apiTokenFindings } from "./api-token-findings.ts";
import { diagnosisOf, type Finding, reasons } from "./diagnosis.ts";

const wayBack = { suspended: "reactivate", cancelled: "reactivate", deleted: "undelete" } as const;

interface TenantRow {
  readonly slug: string;
  readonly status: "active" | "suspended" | "cancelled" | "deleted" | "purged";
}

/** Its tenant has to serve as well. */
const tenantFinding = async (
  scope: Scope,
  tenantId: string,
): Promise<{ finding: Finding; slug: string | undefined }> => {
  const base = { id: "tenant", title: "Its tenant is served" };
  const [row] = await scope.run(
    sql<TenantRow>`select slug, status from app.tenants where id = ${tenantId}::uuid and id <> ${SYSTEM_TENANT_ID}::uuid`.compile(
      build,
    ),
  );
  if (row === undefined || row.status === "purged") {
    const evidence = [row === undefined ? "there is no such tenant here" : `${row.slug} was purged`];
    return { finding: { ...base, result: "problem", evidence, because: "its tenant is gone" }, slug: row?.slug };
  }
  const { slug, status } = row;
  if (status === "active") return { finding: { ...base, result: "ok", evidence: [`${slug} is active`] }, slug };
  const next = `tenantctl ${wayBack[status]} ${slug}`;
  return {
    finding: {
      ...base,
      result: "problem",
      evidence: [`${slug} is ${status}`],
      next,
      because: `its tenant, ${slug}, is ${status}`,
    },
    slug,
  };
};

/** What a problem that the token itself shows means for the verdict. */
const ownReasons: Readonly<Record<string, string>> = {
  form: "it is cut, mistyped, or no token for requests",
  expiry: "it has expired",
};

const toFinding = ({ next, ...item }: CheckItem): Finding => ({
  ...item,
  next: next ?? undefined,
  because: ownReasons[item.id],
});

interface Looked {
  readonly findings: readonly Finding[];
  readonly tenantId: string | null;
  /** The stored token's or null. */
  readonly id: string | null;
}

const look = async ({ app, scope, body }: Call<Routes["diagnose.token"]>): Promise<Looked> => {
  const own = tokenItems(body.token, hashOf, Date.now()).map(toFinding);
  const kind = tokenKindOf(body.token);
  // What is no whole token leads nowhere.
  if (own.some(({ id, result }) => id === "form" && result === "problem"))
    return { findings: own, tenantId: null, id: null };
  const more =
    kind === "access"
      ? { ...(await accessTokenFindings(app, scope, body.token)), id: null }
      : await apiTokenFindings(scope, body.token);
  return { ...more, findings: [...own, ...more.findings] };
};

/** `POST /api/admin/diagnose/token`: what it is, and whether it is valid. The token goes no further than this. */
export const diagnoseToken: Handler<Routes["diagnose.token"]> = async (call) => {
  const { findings: seen, tenantId, id } = await look(call);
  const tenant = tenantId === null ? undefined : await tenantFinding(call.scope, tenantId);
  const findings = tenant === undefined ? seen : [...seen, tenant.finding];
  const why = reasons(findings);
  const whose = tenant?.slug === undefined ? "" : ` for ${tenant.slug}`;
  const verdict = why === "" ? `this token is valid${whose}` : `this token is not valid${whose} because ${why}`;
  await call.scope.run(audited(call, { resourceId: id, detail: why === "" ? "valid" : "not valid" }));
  return diagnosisOf(verdict, findings);
};
