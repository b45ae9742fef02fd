import { defineCommands, type Positional } from "../command.ts";
import { tokensLeftText } from "../output/tokens-left.ts";

const user = [
  { name: "id", label: "user", names: "user", help: "The user's id or e-mail" },
] as const satisfies readonly Positional[];

export const commands = defineCommands([
  {
    path: ["users", "list"],
    route: "users.list",
    columns: [
      { key: "name", flex: true },
      { key: "email", flex: true },
      { key: "role" },
      { key: "disabled", as: "yesNo", drop: 1 },
      { key: "lastLoginAt", title: "last login", as: "time", drop: 2 },
      { key: "id", drop: 3 },
    ],
    examples: ["users list acme", "users list acme --role tenant_admin -o json"],
  },
  {
    path: ["users", "create"],
    route: "users.create",
    done: ({ email }) => `created ${email}.`,
    examples: [
      "users create acme",
      "users create acme --name 'Ann Lee' --email ann@acme.com --role support_agent --password-file ann.txt",
    ],
  },
  { path: ["users", "show"], route: "users.get", positional: user, examples: ["users show acme ann@acme.com"] },
  {
    path: ["users", "update"],
    route: "users.update",
    positional: user,
    done: ({ email, disabled, tokensLeft }) =>
      `updated ${email}.${disabled === true ? tokensLeftText(tokensLeft) : ""}`,
    examples: ["users update acme ann@acme.com --role tenant_admin", "users update acme ann@acme.com --disabled"],
  },
  {
    path: ["users", "delete"],
    route: "users.delete",
    positional: user,
    confirm: { question: "Delete the user %s?", reversible: false },
    done: ({ email, tokensLeft }) => `deleted ${email}.${tokensLeftText(tokensLeft)}`,
    examples: ["users delete acme ann@acme.com", "users delete acme ann@acme.com --yes"],
  },
  {
    path: ["users", "reset-password"],
    route: "users.resetPassword",
    positional: user,
    done: ({ secret }) =>
      secret === null
        ? "the password is set; the user's sessions have ended."
        : "give the secret to the user: it works once, for one hour, with `tenantctl redeem`.",
    examples: [
      "users reset-password acme ann@acme.com",
      "users reset-password acme ann@acme.com --password-stdin < new.txt",
    ],
  },
]);
