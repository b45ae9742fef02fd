import { DatabaseRefusal } from "./database-error.ts";

export const defaultRolePrefix = "tenantctl";

/** The roles that log in; `owner` owns the tables and never does. */
export const servingRoles = ["tenant", "operator", "jobs"] as const;
export type ServingRole = (typeof servingRoles)[number];
export type RoleName = "owner" | ServingRole;

/** The name in PostgreSQL, safe to stand unquoted in SQL: the prefix is checked. */
export function roleName(prefix: string, role: RoleName): string {
  if (!/^[a-z_][a-z0-9_]{0,39}$/.test(prefix) || prefix.startsWith("pg_")) {
    throw new DatabaseRefusal(
      "role_prefix_invalid",
      `"${prefix}" cannot begin the names of roles.`,
      "Use up to 40 lower-case letters, digits and underscores, not beginning with pg_ or a digit.",
    );
  }
  return `${prefix}_${role}`;
}
