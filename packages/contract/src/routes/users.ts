import Type from "typebox";
import { adminAccess, tenantRoles } from "../access.ts";
import { route } from "../route.ts";
import { PasswordReset, TokensLeft, User } from "../schemas/user.ts";
import { Closed, Cursor, Email, Limit, Line, OneOf, Password, TenantQuery, Uuid } from "../schemas/values.ts";

const tag = "users";
const params = Closed({ id: Uuid("The user's id") });
const query = Closed({ tenantId: TenantQuery });
const MustChange = Type.Optional(
  Type.Boolean({ description: "Let the user do nothing but set a new password after the next login" }),
);
const example = { params: { id: "01890000-0000-7000-8000-000000000001" } };

export const userRoutes = {
  "users.list": route({
    method: "GET",
    path: "/api/tenants/users",
    tag,
    summary: "List the tenant's users",
    access: adminAccess("users:read"),
    query: Closed({
      tenantId: TenantQuery,
      role: Type.Optional(OneOf(tenantRoles, "Only users in this role")),
      limit: Limit(),
      cursor: Cursor,
    }),
    responses: { 200: Type.Array(User) },
    errors: ["invalid_cursor"],
    list: "array",
    example: {},
  }),
  "users.create": route({
    method: "POST",
    path: "/api/tenants/users",
    tag,
    summary: "Create a user",
    access: adminAccess("users:write"),
    query,
    body: Closed({
      name: Line("The user's name"),
      email: Email("The user's e-mail, unique within the tenant"),
      password: Password("The user's password"),
      role: OneOf(tenantRoles, "tenant_admin: everything of the tenant; support_agent: customers only"),
      mustChangePassword: MustChange,
    }),
    responses: { 201: User },
    errors: ["email_taken", "quota_exceeded", "weak_password"],
    audit: { action: "create", resourceType: "user" },
    example: { body: { name: "User Name", email: "user@company.com", password: "password123", role: "support_agent" } },
  }),
  "users.get": route({
    method: "GET",
    path: "/api/tenants/users/:id",
    tag,
    summary: "Show a user",
    access: adminAccess("users:read"),
    params,
    query,
    responses: { 200: User },
    errors: ["not_found"],
    example,
  }),
  "users.update": route({
    method: "PATCH",
    path: "/api/tenants/users/:id",
    tag,
    summary: "Change a user's name, e-mail or role, or disable the user",
    description:
      "A new role or being disabled ends the user's sessions, but no tokens that the user made for programs: tokensLeft counts them. The last tenant_admin keeps the role.",
    access: adminAccess("users:write"),
    params,
    query,
    body: Closed({
      name: Type.Optional(Line("The user's name")),
      email: Type.Optional(Email("The user's e-mail")),
      role: Type.Optional(OneOf(tenantRoles, "The new role")),
      disabled: Type.Optional(Type.Boolean({ description: "May not log in" })),
    }),
    responses: { 200: Closed({ ...User.properties, ...TokensLeft }) },
    errors: ["not_found", "email_taken", "last_admin"],
    audit: { action: "update", resourceType: "user" },
    example: { ...example, body: { name: "New Name" } },
  }),
  "users.delete": route({
    method: "DELETE",
    path: "/api/tenants/users/:id",
    tag,
    summary: "Delete a user",
    access: adminAccess("users:write"),
    params,
    query,
    responses: { 200: Closed({ ...User.properties, ...TokensLeft }) },
    errors: ["not_found", "last_admin"],
    audit: { action: "delete", resourceType: "user" },
    example,
  }),
  "users.resetPassword": route({
    method: "POST",
    path: "/api/tenants/users/:id/reset-password",
    tag,
    summary: "Reset a user's password",
    description:
      "With newPassword sets it and ends the throttling of the account's logins; without, answers a single-use secret. Either way the user's sessions end.",
    access: adminAccess("users:write"),
    params,
    query,
    body: Closed({ newPassword: Type.Optional(Password("The new password")), mustChangePassword: MustChange }),
    responses: { 200: PasswordReset },
    errors: ["not_found", "weak_password"],
    audit: { action: "reset_password", resourceType: "user" },
    example: { ...example, body: { newPassword: "new_password" } },
  }),
};
