import type { RouteId } from "@tenantctl/contract";

/** A step of the operator guide, as it stands there. */
export interface GuideStep {
  /** What the guide calls it. */
  readonly step: string;
  readonly route: RouteId;
  /** What is really called; `{tenant}` is the id of an active tenant. Without one the step changes or records something, and is only looked up. */
  readonly call?: string;
}

/** Every call of the guide. What only reads is called; of the rest it is checked that the server has it. */
export const guideSteps: readonly GuideStep[] = [
  { step: "List All Tenants", route: "tenants.list", call: "/api/admin/tenants" },
  { step: "Get Tenant Details", route: "tenants.get", call: "/api/admin/tenants/{tenant}" },
  { step: "Create New Tenant", route: "tenants.provision" },
  { step: "Suspend", route: "tenants.suspend" },
  { step: "Reactivate", route: "tenants.reactivate" },
  { step: "Cancel", route: "tenants.cancel" },
  { step: "Export Tenant Data", route: "tenants.export" },
  { step: "Delete Tenant", route: "tenants.delete" },
  { step: "List Tenant Users", route: "users.list", call: "/api/tenants/users?tenantId={tenant}" },
  { step: "Create User", route: "users.create" },
  { step: "Reset User Password", route: "users.resetPassword" },
  { step: "Check System Health", route: "health.get", call: "/api/health" },
  { step: "View Tenant Quotas", route: "quotas.get", call: "/api/tenants/quotas?tenantId={tenant}" },
  { step: "View All Alerts", route: "alerts.list", call: "/api/admin/alerts" },
  { step: "View Tenant Metrics", route: "metrics.get", call: "/api/admin/metrics?tenantId={tenant}" },
  { step: "View Audit Logs: all", route: "audit.list", call: "/api/audit-logs" },
  { step: "View Audit Logs: of a tenant", route: "audit.list", call: "/api/audit-logs?tenantId={tenant}" },
  {
    step: "View Audit Logs: filtered",
    route: "audit.list",
    call: "/api/audit-logs?tenantId={tenant}&action=create&resourceType=customer",
  },
  { step: "Verify user exists", route: "tenants.users", call: "/api/admin/tenants/{tenant}/users" },
  { step: "Check audit logs of logins", route: "audit.list", call: "/api/audit-logs?tenantId={tenant}&action=login" },
  { step: "Test isolation", route: "customers.list", call: "/api/customers?tenantId={tenant}" },
];
