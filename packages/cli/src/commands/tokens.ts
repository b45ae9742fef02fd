import { defineCommands, type Positional } from "../command.ts";
import type { Column } from "../output/column.ts";

const token = [{ name: "id", label: "token" }] as const satisfies readonly Positional[];
const columns = [
  { key: "name", flex: true },
  { key: "scopes", flex: true },
  { key: "expiresAt", title: "expires", as: "time" },
  { key: "revokedAt", title: "revoked", as: "time", drop: 3 },
  { key: "lastUsedAt", title: "last used", as: "time", drop: 1 },
  { key: "createdBy", title: "made by", flex: true, drop: 2 },
  { key: "id" },
] as const satisfies readonly Column[];

const description = "Without a tenant these are operators' tokens; with one, that tenant's own.";

export const commands = defineCommands([
  {
    path: ["tokens", "list"],
    route: "tokens.list",
    tenantRoute: "tenantTokens.list",
    description,
    columns,
    examples: ["tokens list", "tokens list acme"],
  },
  {
    path: ["tokens", "create"],
    route: "tokens.create",
    tenantRoute: "tenantTokens.create",
    description: `${description} The token is shown this once. Operators' tokens also know the scopes backup:read and monitor:read.`,
    done: () => "keep the token now: it is not shown again.",
    examples: [
      "tokens create --name 'nightly backup' --scopes backup:read --expires-in-days 365",
      "tokens create acme --name 'crm sync' --scopes customers:read,customers:write",
    ],
  },
  {
    path: ["tokens", "revoke"],
    route: "tokens.revoke",
    tenantRoute: "tenantTokens.revoke",
    description,
    positional: token,
    confirm: { question: "Revoke the token %s? Whatever uses it stops working.", reversible: false },
    done: ({ name }) => `revoked ${name}.`,
    examples: [
      "tokens revoke 01890000-0000-7000-8000-000000000004",
      "tokens revoke acme 01890000-0000-7000-8000-000000000004 --yes",
    ],
  },
]);
