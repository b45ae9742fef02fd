/** Roles of a tenant's own users. */
export const tenantRoles = ["tenant_admin", "support_agent"] as const;
export type TenantRole = (typeof tenantRoles)[number];

/** What a `tctl_` token may be allowed to do. A session of an operator has all of them. */
export const scopes = [
  "tenants:read",
  "tenants:write",
  "tenants:delete",
  "users:read",
  "users:write",
  "customers:read",
  "customers:write",
  "quotas:read",
  "quotas:write",
  "plans:read",
  "plans:write",
  "operators:read",
  "operators:write",
  "tokens:read",
  "tokens:write",
  "audit:read",
  "audit:verify",
  "audit:drop",
  "alerts:read",
  "alerts:write",
  "errors:read",
  "errors:write",
  "metrics:read",
  "operations:read",
  "operations:write",
  "exports:read",
  "backups:read",
  "backups:write",
  "restores:write",
  "holds:read",
  "holds:write",
  "contacts:read",
  "contacts:write",
  "checks:read",
  "checks:write",
  "maintenance:read",
  "maintenance:write",
  "changelog:read",
  "changelog:write",
  "diagnose:read",
  "diagnose:run",
  "incidents:read",
  "incidents:write",
] as const;
export type Scope = (typeof scopes)[number];

/** Names for bundles of scopes. A token stores the scopes themselves, so that it never gains one by an upgrade. */
export const scopeBundles = {
  "backup:read": ["tenants:read", "exports:read", "backups:read", "backups:write", "holds:read"],
  "monitor:read": [
    "tenants:read",
    "quotas:read",
    "alerts:read",
    "errors:read",
    "metrics:read",
    "operations:read",
    "backups:read",
    "checks:read",
  ],
  all: scopes,
} as const satisfies Record<string, readonly Scope[]>;
export type ScopeName = Scope | keyof typeof scopeBundles;
export const scopeNames: readonly ScopeName[] = [...scopes, "backup:read", "monitor:read", "all"];

/** The scopes that a tenant's own token can carry. */
export const tenantScopes = [
  "users:read",
  "users:write",
  "customers:read",
  "customers:write",
  "quotas:read",
  "audit:read",
  "exports:read",
  "tokens:read",
  "tokens:write",
] as const satisfies readonly Scope[];

/** The scopes that a list of names stands for, each once. */
export const expandScopes = (names: readonly ScopeName[]): Scope[] => {
  const wanted = new Set<ScopeName>(names);
  for (const [bundle, members] of Object.entries(scopeBundles)) {
    if (wanted.has(bundle as keyof typeof scopeBundles)) for (const member of members) wanted.add(member);
  }
  return scopes.filter((scope) => wanted.has(scope));
};

/**
 * Who may call a route.
 * - public: anybody, without credentials.
 * - session: whoever is logged in with a session (not a token), about themselves.
 * - operator: an operator's session, or an operator's token with the scope.
 * - tenant: a tenant's user in one of the roles, a tenant's token with the scope, or an operator (session, or token
 *   with the scope) who says which tenant with `?tenantId=`. With `operatorNeedsTenant: false` an operator may leave it
 *   out and then sees all.
 */
export type Access =
  | { readonly kind: "public" }
  | { readonly kind: "session" }
  | { readonly kind: "operator"; readonly scope: Scope }
  | {
      readonly kind: "tenant";
      readonly roles: readonly TenantRole[];
      readonly scope: Scope;
      readonly operatorNeedsTenant: boolean;
    };

export const publicAccess: Access = { kind: "public" };
export const sessionAccess: Access = { kind: "session" };
export const operatorAccess = (scope: Scope): Access => ({ kind: "operator", scope });
export const adminAccess = (scope: Scope): Access => ({
  kind: "tenant",
  roles: ["tenant_admin"],
  scope,
  operatorNeedsTenant: true,
});
export const memberAccess = (scope: Scope): Access => ({
  kind: "tenant",
  roles: ["tenant_admin", "support_agent"],
  scope,
  operatorNeedsTenant: true,
});
