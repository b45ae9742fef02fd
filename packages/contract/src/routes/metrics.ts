import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { tenantStatuses } from "../lifecycle.ts";
import { route } from "../route.ts";
import { Closed, Count, Limit, Nullable, OneOf, TenantQuery, Time, Uuid } from "../schemas/values.ts";

const Latency = Nullable(
  Type.Number({ description: "Milliseconds, from the stored histogram; null without requests", minimum: 0 }),
);

const topOrders = ["requests", "errors", "time", "latency", "bytes", "rows", "storage"] as const;

const totals = {
  requests: Count("Requests served"),
  errors: Count("Answers of 500 and above"),
  clientErrors: Count("Answers of 400 to 499"),
  bytesSent: Count("Bytes of the answers, streamed documents included"),
  latencyP50Ms: Latency,
  latencyP95Ms: Latency,
};

export const metricsRoutes = {
  "metrics.get": route({
    method: "GET",
    path: "/api/admin/metrics",
    tag: "metrics",
    summary: "Show requests, errors, latency, rows and bytes over time",
    description:
      "With tenantId one tenant; without, the system and its heaviest tenants. Use is kept by the minute for 2 days, by the hour for 35, by the day for 400: what begins earlier begins at a whole hour or day, and has no smaller steps.",
    access: operatorAccess("metrics:read"),
    query: Closed({
      tenantId: TenantQuery,
      since: Type.Optional(Time("From when; 24 hours ago unless said")),
      until: Type.Optional(Time("Until when; now unless said")),
      stepMinutes: Type.Optional(
        Type.Integer({
          description: "Minutes per point; 60 unless said, a day where use is kept by the day",
          minimum: 1,
          maximum: 1440,
        }),
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
  "metrics.top": route({
    method: "GET",
    path: "/api/admin/metrics/top",
    tag: "metrics",
    summary: "Show which tenants use the most",
    description:
      "By requests, errors, time (all requests' time added up), latency (p95; tenants with fewer than 20 requests come last), bytes (sent), rows (held, as last counted) or storage (bytes held). Tenants with none of it come last.",
    access: operatorAccess("metrics:read"),
    query: Closed({
      by: Type.Optional(OneOf(topOrders, "What to order by; requests unless said")),
      since: Type.Optional(Time("From when; 24 hours ago unless said")),
      until: Type.Optional(Time("Until when; now unless said")),
      limit: Limit(100),
    }),
    responses: {
      200: Type.Array(
        Closed({
          tenantId: Uuid("Whose"),
          slug: Type.String(),
          status: OneOf(tenantStatuses, "Its status now"),
          share: Type.Number({
            description: "Percent of what all tenants have of it; by latency, of the time of all requests",
            minimum: 0,
            maximum: 100,
          }),
          ...totals,
          busySeconds: Type.Number({ description: "Its requests' time, added up", minimum: 0 }),
          rows: Nullable(Count("Rows it holds, adopted tables included; null: not counted yet, or too many to count")),
          rowsCountedAt: Nullable(Time("When they were counted")),
          bytesStored: Count("Bytes it holds, as its storage quota counts them"),
        }),
      ),
    },
    example: { query: { by: "requests" } },
  }),
};
