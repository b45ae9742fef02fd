import Type from "typebox";
import { Closed, Count, Nullable, OneOf, Slug, Time, Uuid } from "./values.ts";

export const maintenanceModes = ["full", "read_only"] as const;

const whose = {
  tenantId: Nullable(Uuid("The tenant; null: the whole system")),
  slug: Nullable(Slug("The tenant, by name")),
};

export const Maintenance = Closed({
  ...whose,
  mode: OneOf(maintenanceModes, "full: tenants are refused; read_only: only their changes are"),
  reason: Nullable(Type.String({ description: "Why, as tenants are told" })),
  startedAt: Time("Since when"),
  endsAt: Nullable(Time("When it ends by itself; null: when somebody ends it")),
  setBy: Type.String({ description: "Who set it" }),
});

export const MaintenanceChange = Closed({
  ...Maintenance.properties,
  changed: Type.Boolean({ description: "False where it was so already" }),
  writesUnderWay: Count("Tenants' changes that began before and were still not over 10 seconds later"),
});

export const MaintenanceEnd = Closed({
  ...whose,
  changed: Type.Boolean({ description: "False where there was none" }),
  startedAt: Nullable(Time("Since when it stood")),
});
