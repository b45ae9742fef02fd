import Type from "typebox";
import { memberAccess } from "../access.ts";
import { route } from "../route.ts";
import {
  Closed,
  Cursor,
  Email,
  Limit,
  Line,
  Nullable,
  OneOf,
  TenantQuery,
  Text,
  Time,
  Uuid,
} from "../schemas/values.ts";

const tag = "customers";
const params = Closed({ id: Uuid("The customer's id") });
const query = Closed({ tenantId: TenantQuery });
const example = { params: { id: "01890000-0000-7000-8000-000000000002" } };

const Balance = Type.Integer({
  description: "Balance in minor units of the currency (cents)",
  minimum: Number.MIN_SAFE_INTEGER,
  maximum: Number.MAX_SAFE_INTEGER,
});
const Currency = Type.String({ description: "ISO 4217 code", pattern: "^[A-Z]{3}$", minLength: 3, maxLength: 3 });

export const Customer = Closed({
  id: Uuid("The customer's id"),
  name: Line("The customer's name"),
  email: Nullable(Type.String({ description: "The customer's e-mail" })),
  phone: Nullable(Type.String({ description: "The customer's telephone number" })),
  notes: Nullable(Type.String({ description: "Free text" })),
  balanceMinor: Balance,
  currency: Currency,
  createdAt: Time("When the customer was created"),
  updatedAt: Time("When the customer last changed"),
});

const details = {
  email: Type.Optional(Nullable(Email("The customer's e-mail"))),
  phone: Type.Optional(Nullable(Line("The customer's telephone number", 50))),
  notes: Type.Optional(Nullable(Text("Free text, at most 10,000 characters", 10_000))),
  balanceMinor: Type.Optional(Balance),
  currency: Type.Optional(Currency),
};

export const customerSorts = ["createdAt", "-createdAt", "name", "-name"] as const;

export const customerRoutes = {
  "customers.list": route({
    method: "GET",
    path: "/api/customers",
    tag,
    summary: "List the tenant's customers",
    access: memberAccess("customers:read"),
    query: Closed({
      tenantId: TenantQuery,
      search: Type.Optional(Line("Only customers whose name or e-mail contains this", 100)),
      sort: Type.Optional(OneOf(customerSorts, "Order; newest first (-createdAt) unless said")),
      limit: Limit(),
      cursor: Cursor,
    }),
    responses: { 200: Type.Array(Customer) },
    errors: ["invalid_cursor"],
    list: "array",
    example: { query: { sort: "name" } },
  }),
  "customers.create": route({
    method: "POST",
    path: "/api/customers",
    tag,
    summary: "Create a customer",
    access: memberAccess("customers:write"),
    query,
    body: Closed({ name: Line("The customer's name"), ...details }),
    responses: { 201: Customer },
    errors: ["quota_exceeded"],
    audit: { action: "create", resourceType: "customer" },
    example: { body: { name: "Customer Name", email: "customer@example.com" } },
  }),
  "customers.get": route({
    method: "GET",
    path: "/api/customers/:id",
    tag,
    summary: "Show a customer",
    access: memberAccess("customers:read"),
    params,
    query,
    responses: { 200: Customer },
    errors: ["not_found"],
    example,
  }),
  "customers.update": route({
    method: "PATCH",
    path: "/api/customers/:id",
    tag,
    summary: "Change a customer",
    access: memberAccess("customers:write"),
    params,
    query,
    body: Closed({ name: Type.Optional(Line("The customer's name")), ...details }),
    responses: { 200: Customer },
    errors: ["not_found", "quota_exceeded"],
    audit: { action: "update", resourceType: "customer" },
    example: { ...example, body: { name: "New Name" } },
  }),
  "customers.delete": route({
    method: "DELETE",
    path: "/api/customers/:id",
    tag,
    summary: "Delete a customer",
    access: memberAccess("customers:write"),
    params,
    query,
    responses: { 200: Customer },
    errors: ["not_found", "still_referenced"],
    audit: { action: "delete", resourceType: "customer" },
    example,
  }),
};
