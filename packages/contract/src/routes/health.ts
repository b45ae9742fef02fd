import { operatorAccess, publicAccess } from "../access.ts";
import { route } from "../route.ts";
import { Health, Status } from "../schemas/status.ts";
import { Closed, OneOf } from "../schemas/values.ts";

const tag = "health";

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
    description: "`needsAttention` says what needs a person, and the next step.",
    access: operatorAccess("tenants:read"),
    responses: {
      200: Status,
    },
    example: {},
  }),
};
