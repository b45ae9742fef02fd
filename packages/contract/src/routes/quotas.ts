import Type from "typebox";
import { adminAccess, operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { PlanName, Quota, quotaResources } from "../schemas/tenant.ts";
import { Closed, Count, DryRun, Line, Nullable, OneOf, TenantQuery, TenantRef, Time, Uuid } from "../schemas/values.ts";

const tag = "quotas";

const limits = {
  users: Nullable(Count("Users; null is unlimited")),
  customers: Nullable(Count("Customers; null is unlimited")),
  storageBytes: Nullable(Count("Bytes of stored rows; null is unlimited")),
  apiRequestsPerDay: Nullable(Count("API requests a day (UTC); null is unlimited")),
  requestsPerMinute: Nullable(
    Type.Integer({
      description: "API requests a minute; null is the server's default",
      minimum: 1,
      maximum: 1_000_000,
    }),
  ),
};

export const Plan = Closed({
  name: PlanName,
  displayName: Line("Name for people", 80),
  ...limits,
  tenants: Count("Tenants on this plan"),
  updatedAt: Time("When the plan last changed"),
});

const whose = {
  tenantId: Uuid("Whose"),
  slug: Type.String({ description: "Whose, by name" }),
};

/** A batch of tenants whose counters were compared with what is there. */
const Recount = Closed({
  dryRun: Type.Boolean({ description: "True where nothing was changed" }),
  counted: Count("Tenants that were counted"),
  drifted: Type.Array(
    Closed({
      ...whose,
      resource: OneOf(["users", "customers", "storage_bytes"], "What is counted"),
      counter: Count("What the counter said"),
      counted: Count("What is there"),
      mended: Type.Boolean({ description: "Whether the counter says so now; false in a dry run" }),
    }),
    { description: "Counters that were not what is there" },
  ),
  failed: Type.Array(Closed({ ...whose, error: Type.String({ description: "Why it could not be counted" }) }), {
    description: "Tenants that could not be counted or mended now",
  }),
  next: Nullable(Uuid("Send it as `after` for the next batch; null where there are no more")),
});

export const quotaRoutes = {
  "quotas.get": route({
    method: "GET",
    path: "/api/tenants/quotas",
    tag,
    summary: "Show use against quota",
    access: adminAccess("quotas:read"),
    query: Closed({ tenantId: TenantQuery }),
    responses: { 200: Type.Array(Quota) },
    example: {},
  }),
  "quotas.set": route({
    method: "PUT",
    path: "/api/admin/tenants/:id/quotas",
    tag,
    summary: "Override one of a tenant's quotas, or go back to the plan",
    description: "`limit: null` is unlimited; `usePlan: true` removes the override.",
    access: operatorAccess("quotas:write"),
    params: Closed({ id: TenantRef }),
    body: Closed({
      resource: OneOf(quotaResources, "Which quota"),
      limit: Type.Optional(Nullable(Count("The new limit; null is unlimited"))),
      usePlan: Type.Optional(Type.Boolean({ description: "Remove the override" })),
      reason: Line("Why, for the audit log", 500),
      expiresAt: Type.Optional(Nullable(Time("When the plan's limit applies again"))),
    }),
    responses: { 200: Type.Array(Quota) },
    audit: { action: "set_quota", resourceType: "quota" },
    example: { params: { id: "company-name" }, body: { resource: "customers", limit: 2000, reason: "migration" } },
  }),
  "quotas.recount": route({
    method: "POST",
    path: "/api/admin/quotas/recount",
    tag,
    summary: "Count what quotas count anew, and mend counters that drifted",
    description:
      "One tenant, or all in the order of their ids, a batch at a time. Nobody waits while it counts; a counter that is right is not written.",
    access: operatorAccess("quotas:write"),
    query: Closed({ dryRun: DryRun }),
    body: Closed({
      tenant: Type.Optional(TenantRef),
      after: Type.Optional(Uuid("Begin behind this tenant: `next` of the batch before")),
    }),
    responses: { 200: Recount },
    errors: ["tenant_busy"],
    audit: { action: "recount", resourceType: "quota" },
    example: { query: { dryRun: true }, body: { tenant: "company-name" } },
  }),
  "plans.list": route({
    method: "GET",
    path: "/api/admin/plans",
    tag: "plans",
    summary: "List plans",
    access: operatorAccess("plans:read"),
    responses: { 200: Type.Array(Plan) },
    example: {},
  }),
  "plans.put": route({
    method: "PUT",
    path: "/api/admin/plans/:name",
    tag: "plans",
    summary: "Create or change a plan",
    description:
      "What is left out keeps its value; in a new plan it is unlimited. Tenants over a lowered limit keep what they have and can add nothing.",
    access: operatorAccess("plans:write"),
    params: Closed({ name: PlanName }),
    body: Closed({
      displayName: Type.Optional(Line("Name for people", 80)),
      users: Type.Optional(limits.users),
      customers: Type.Optional(limits.customers),
      storageBytes: Type.Optional(limits.storageBytes),
      apiRequestsPerDay: Type.Optional(limits.apiRequestsPerDay),
      requestsPerMinute: Type.Optional(limits.requestsPerMinute),
    }),
    responses: { 200: Plan, 201: Plan },
    audit: { action: "set_plan", resourceType: "plan" },
    example: { params: { name: "pro" }, body: { customers: 200000 } },
  }),
};
