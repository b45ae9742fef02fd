import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { Diagnosis } from "../schemas/diagnosis.ts";
import { Closed, Email, TenantRef } from "../schemas/values.ts";

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
};
