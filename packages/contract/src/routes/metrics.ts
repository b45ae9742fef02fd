import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { Closed, Count, Nullable, TenantQuery, Time, Uuid } from "../schemas/values.ts";

const Latency = Nullable(
  Type.Number({ description: "Milliseconds, from the stored histogram; null without requests", minimum: 0 }),
);

const totals = {
  requests: Count("Requests served"),
  errors: Count("Answers of 500 and above"),
  clientErrors: Count("Answers of 400 to 499"),
  latencyP50Ms: Latency,
  latencyP95Ms: Latency,
};

export const metricsRoutes = {
  "metrics.get": route({
    method: "GET",
    path: "/api/admin/metrics",
    tag: "metrics",
    summary: "Show requests, errors, latency, rows and bytes over time",
    description: "With tenantId one tenant; without, the system and its heaviest tenants. At most 31 days.",
    access: operatorAccess("metrics:read"),
    query: Closed({
      tenantId: TenantQuery,
      since: Type.Optional(Time("From when; 24 hours ago unless said")),
      until: Type.Optional(Time("Until when; now unless said")),
      stepMinutes: Type.Optional(
        Type.Integer({ description: "Minutes per point; 60 unless said", minimum: 1, maximum: 1440 }),
      ),
    }),
    responses: {
      200: Closed({
        tenantId: Nullable(Uuid("Whose; null for the system")),
        since: Time("From when"),
        until: Time("Until when"),
        stepMinutes: Type.Integer({ minimum: 1 }),
        totals: Closed(totals),
        points: Type.Array(Closed({ at: Time("Start of the step"), ...totals })),
        rows: Nullable(Count("Rows the tenant holds; null for the system")),
        bytes: Nullable(Count("Bytes the tenant's rows take; null for the system")),
        heaviest: Type.Array(Closed({ tenantId: Uuid("Whose"), slug: Type.String(), ...totals }), {
          description: "For the system: the ten tenants with the most requests",
        }),
      }),
    },
    example: { query: { tenantId: "company-name" } },
  }),
};
