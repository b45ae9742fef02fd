import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { Diagnosis, IsolationDiagnosis } from "../schemas/diagnosis.ts";
import { Closed, Email, Secret, TenantRef } from "../schemas/values.ts";

const tag = "diagnose";
const access = operatorAccess("diagnose:read");
const responses = { 200: Diagnosis };

export const diagnoseRoutes = {
  "diagnose.login": route({
    method: "GET",
    path: "/api/admin/diagnose/login",
    tag,
    summary: "Say why somebody can't log in",
    description:
      "From the tenant, the account, its password, throttling and the failed logins of 24 hours. An unknown e-mail is a finding, not an error.",
    access,
    query: Closed({
      tenantId: TenantRef,
      email: Email("Whose login"),
      address: Type.Optional(
        Type.String({
          description: "From which address they try, where that is known",
          minLength: 2,
          maxLength: 45,
          pattern: "^[0-9a-fA-F:.]+$",
        }),
      ),
    }),
    responses,
    errors: ["tenant_not_found"],
    example: { query: { tenantId: "company-name", email: "ann@company.com" } },
  }),
  "diagnose.quota": route({
    method: "GET",
    path: "/api/admin/diagnose/quota",
    tag,
    summary: "Say how far a tenant is with its quotas, and what could be done",
    description:
      "Use, limit and when it is full at this rate; what uses it; and what a larger plan, a higher quota or less use would come to.",
    access,
    query: Closed({ tenantId: TenantRef }),
    responses,
    errors: ["tenant_not_found"],
    example: { query: { tenantId: "company-name" } },
  }),
  "diagnose.performance": route({
    method: "GET",
    path: "/api/admin/diagnose/performance",
    tag,
    summary: "Say what makes the system slow",
    description:
      "Slow statements, heavy tenants, indexes, dead rows, long transactions, pools and the cache. Reads only: what should be run is said and not run. What this database user may not see is said too, with the grant that shows it.",
    access,
    responses,
    example: {},
  }),
  "diagnose.isolation": route({
    method: "POST",
    path: "/api/admin/diagnose/isolation",
    tag,
    summary: "Look for ways from one tenant to another, and try them",
    description:
      "Lints of the live database; then two tenants made for it, hidden and removed again: every table the tenant role can reach × every verb × another tenant or none, and every route of tenants. With `tenants` two real ones are only read from. One at a time.",
    access: operatorAccess("diagnose:run"),
    body: Closed({
      tenants: Type.Optional(
        Type.Array(TenantRef, {
          description: "Two tenants that are there, in place of made ones",
          minItems: 2,
          maxItems: 2,
        }),
      ),
    }),
    responses: { 200: IsolationDiagnosis },
    errors: ["tenant_not_found", "lease_held", "lease_lost"],
    audit: { action: "diagnose", resourceType: "isolation" },
    example: { body: {} },
  }),
  "diagnose.token": route({
    method: "POST",
    path: "/api/admin/diagnose/token",
    tag,
    summary: "Say what a token is, and whether it is valid",
    description: "An access token or a `tctl_` token. It is neither stored nor logged nor answered.",
    access,
    body: Closed({ token: Secret("The token", 4096) }),
    responses,
    audit: { action: "diagnose", resourceType: "token" },
    example: { body: { token: "tctl_mistyped" } },
  }),
};
