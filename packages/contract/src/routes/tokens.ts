import Type from "typebox";
import { adminAccess, operatorAccess, scopeNames, tenantScopes } from "../access.ts";
import { route } from "../route.ts";
import { Closed, Line, Nullable, TenantQuery, Time, Uuid } from "../schemas/values.ts";

const tag = "tokens";
const params = Closed({ id: Uuid("The token's id") });
const example = { params: { id: "01890000-0000-7000-8000-000000000004" } };

const tokenProperties = {
  id: Uuid("The token's id"),
  name: Line("What it is for"),
  scopes: Type.Array(Type.String(), { description: "What it may do" }),
  createdBy: Type.String({ description: "Who made it" }),
  createdAt: Time("When it was made"),
  expiresAt: Time("When it stops working"),
  revokedAt: Nullable(Time("When it was revoked")),
  lastUsedAt: Nullable(Time("When it was last used, to within a minute or so")),
};
export const Token = Closed(tokenProperties);
export const NewToken = Closed({
  ...tokenProperties,
  token: Type.String({ description: "The token itself: shown this once, stored only as a hash" }),
});

const Days = Type.Optional(
  Type.Integer({ description: "Days until it expires (90 unless said, 730 at the most)", minimum: 1, maximum: 730 }),
);

export const tokenRoutes = {
  "tokens.list": route({
    method: "GET",
    path: "/api/admin/tokens",
    tag,
    summary: "List operator tokens",
    access: operatorAccess("tokens:read"),
    responses: { 200: Type.Array(Token) },
    example: {},
  }),
  "tokens.create": route({
    method: "POST",
    path: "/api/admin/tokens",
    tag,
    summary: "Create an operator token for cron or a program",
    description: "It can carry no scope that its maker lacks.",
    access: operatorAccess("tokens:write"),
    body: Closed({
      name: Line("What it is for"),
      scopes: Type.Array(Type.Enum([...scopeNames]), {
        description: `What it may do: ${scopeNames.join(", ")}`,
        minItems: 1,
        maxItems: 50,
      }),
      expiresInDays: Days,
    }),
    responses: { 201: NewToken },
    errors: ["scope_missing"],
    audit: { action: "create", resourceType: "token" },
    example: { body: { name: "nightly backup", scopes: ["backup:read"], expiresInDays: 365 } },
  }),
  "tokens.revoke": route({
    method: "DELETE",
    path: "/api/admin/tokens/:id",
    tag,
    summary: "Revoke an operator token",
    access: operatorAccess("tokens:write"),
    params,
    responses: { 200: Token },
    errors: ["not_found"],
    audit: { action: "revoke", resourceType: "token" },
    example,
  }),
  "tenantTokens.list": route({
    method: "GET",
    path: "/api/tenants/tokens",
    tag,
    summary: "List the tenant's tokens",
    access: adminAccess("tokens:read"),
    query: Closed({ tenantId: TenantQuery }),
    responses: { 200: Type.Array(Token) },
    example: {},
  }),
  "tenantTokens.create": route({
    method: "POST",
    path: "/api/tenants/tokens",
    tag,
    summary: "Create a token for the tenant's own programs",
    description: "It can carry no scope that its maker lacks.",
    access: adminAccess("tokens:write"),
    query: Closed({ tenantId: TenantQuery }),
    body: Closed({
      name: Line("What it is for"),
      scopes: Type.Array(Type.Enum([...tenantScopes]), {
        description: `What it may do: ${tenantScopes.join(", ")}`,
        minItems: 1,
        maxItems: 50,
      }),
      expiresInDays: Days,
    }),
    responses: { 201: NewToken },
    errors: ["scope_missing"],
    audit: { action: "create", resourceType: "token" },
    example: { body: { name: "crm sync", scopes: ["customers:read"] } },
  }),
  "tenantTokens.revoke": route({
    method: "DELETE",
    path: "/api/tenants/tokens/:id",
    tag,
    summary: "Revoke one of the tenant's tokens",
    access: adminAccess("tokens:write"),
    params,
    query: Closed({ tenantId: TenantQuery }),
    responses: { 200: Token },
    errors: ["not_found"],
    audit: { action: "revoke", resourceType: "token" },
    example,
  }),
};
