import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { PasswordReset, TokensLeft } from "../schemas/user.ts";
import { Closed, Cursor, Email, Limit, Line, Nullable, Password, Time, Uuid } from "../schemas/values.ts";

const tag = "operators";
const params = Closed({ id: Uuid("The operator's id") });
const example = { params: { id: "01890000-0000-7000-8000-000000000003" } };

export const Operator = Closed({
  id: Uuid("The operator's id"),
  name: Line("The operator's name"),
  email: Type.String({ description: "The operator's e-mail" }),
  disabled: Type.Boolean({ description: "May not log in" }),
  mustChangePassword: Type.Boolean({ description: "Has to set a new password at the next login" }),
  lastLoginAt: Nullable(Time("The last login")),
  createdAt: Time("When the operator was created"),
});

const toggle = <const Name extends "disable" | "enable">(name: Name, summary: string) =>
  route({
    method: "POST",
    path: `/api/admin/operators/:id/${name}`,
    tag,
    summary,
    access: operatorAccess("operators:write"),
    params,
    responses: { 200: Closed({ ...Operator.properties, ...TokensLeft }) },
    errors: ["not_found", "last_operator"],
    audit: { action: name, resourceType: "operator" },
    example,
  });

export const operatorRoutes = {
  "operators.list": route({
    method: "GET",
    path: "/api/admin/operators",
    tag,
    summary: "List operators",
    access: operatorAccess("operators:read"),
    query: Closed({ limit: Limit(), cursor: Cursor }),
    responses: { 200: Type.Array(Operator) },
    errors: ["invalid_cursor"],
    list: "array",
    example: {},
  }),
  "operators.create": route({
    method: "POST",
    path: "/api/admin/operators",
    tag,
    summary: "Create an operator",
    access: operatorAccess("operators:write"),
    body: Closed({
      name: Line("The operator's name"),
      email: Email("The operator's e-mail"),
      password: Password("The operator's password"),
    }),
    responses: { 201: Operator },
    errors: ["email_taken", "weak_password"],
    audit: { action: "create", resourceType: "operator" },
    example: { body: { name: "Second Operator", email: "second@example.com", password: "operators-password" } },
  }),
  "operators.disable": toggle("disable", "Disable an operator and end their sessions and operator tokens"),
  "operators.enable": toggle("enable", "Let a disabled operator log in again"),
  "operators.resetPassword": route({
    method: "POST",
    path: "/api/admin/operators/:id/reset-password",
    tag,
    summary: "Reset an operator's password",
    description:
      "With newPassword sets it and ends the throttling of the account's logins; without, answers a single-use secret. Either way the operator's sessions end.",
    access: operatorAccess("operators:write"),
    params,
    body: Closed({ newPassword: Type.Optional(Password("The new password")) }),
    responses: { 200: PasswordReset },
    errors: ["not_found", "weak_password"],
    audit: { action: "reset_password", resourceType: "operator" },
    example: { ...example, body: {} },
  }),
};
