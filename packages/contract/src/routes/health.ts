import Type from "typebox";
import { operatorAccess, publicAccess } from "../access.ts";
import { route } from "../route.ts";
import { Alert } from "../schemas/alert.ts";
import { Closed, Count, Nullable, OneOf, Slug, Time, Uuid } from "../schemas/values.ts";

const tag = "health";

export const Health = Closed({
  status: OneOf(["ok", "degraded", "down"], "ok: everything below is fine"),
  database: Closed({
    reachable: Type.Boolean(),
    latencyMs: Nullable(Type.Number({ description: "One round trip", minimum: 0 })),
  }),
  migrations: OneOf(["current", "pending", "unknown"], "Does the schema fit the program"),
  uptimeSeconds: Count("Since the process started"),
});

export const healthRoutes = {
  "health.get": route({
    method: "GET",
    path: "/api/health",
    tag,
    summary: "Check the system's health",
    description: "200 when ok; 503 with the same body otherwise.",
    access: publicAccess,
    responses: { 200: Health, 503: Health },
    unlimited: true,
    example: {},
  }),
  "health.live": route({
    method: "GET",
    path: "/api/health/live",
    tag,
    summary: "Is the process alive",
    description: "Never touches the database.",
    access: publicAccess,
    responses: { 200: Closed({ status: OneOf(["ok"], "Always ok") }) },
    unlimited: true,
    example: {},
  }),
  "health.ready": route({
    method: "GET",
    path: "/api/health/ready",
    tag,
    summary: "Should requests be sent here",
    description: "503 while starting, draining, or without a database.",
    access: publicAccess,
    responses: { 200: Closed({ status: OneOf(["ready"], "Ready") }) },
    errors: ["draining", "database_unavailable"],
    unlimited: true,
    example: {},
  }),
  "status.get": route({
    method: "GET",
    path: "/api/admin/status",
    tag,
    summary: "Show the system on one screen",
    access: operatorAccess("tenants:read"),
    responses: {
      200: Closed({
        health: Health,
        version: Type.String({ description: "Version of the API" }),
        tenants: Type.Record(Type.String(), Count("tenants"), { description: "Tenants by status" }),
        quotasNearLimit: Type.Array(
          Closed({
            tenantId: Uuid("Whose"),
            slug: Slug("Whose, by name"),
            resource: Type.String(),
            used: Count("In use"),
            limit: Count("The limit"),
            percentage: Type.Number({ minimum: 0 }),
          }),
          { description: "The fullest quotas at 80 % and above, at most 10" },
        ),
        quotasNearLimitTotal: Count("How many quotas there are at 80 % and above"),
        alerts: Type.Array(Alert, { description: "The newest unresolved alerts, at most 10" }),
        alertsTotal: Count("Unresolved alerts"),
        operationsRunning: Count("Operations under way"),
        backups: Closed({
          oldestBackupAt: Nullable(Time("Of the tenants' newest backups the oldest; null where no tenant has one")),
          withoutRecentBackup: Count("Tenants whose newest backup (or creation) is more than 26 hours old"),
          lastVerifiedAt: Nullable(Time("When any backup was last verified")),
          lastDrilledAt: Nullable(Time("When any backup was last restored in a drill")),
        }),
      }),
    },
    example: {},
  }),
};
