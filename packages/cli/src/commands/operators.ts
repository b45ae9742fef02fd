import { defineCommands, type Positional } from "../command.ts";
import { tokensLeftText } from "../output/tokens-left.ts";

const operator = [
  { name: "id", label: "operator", names: "operator", help: "The operator's id or e-mail" },
] as const satisfies readonly Positional[];

export const commands = defineCommands([
  {
    path: ["operators", "list"],
    route: "operators.list",
    columns: [
      { key: "name", flex: true },
      { key: "email", flex: true },
      { key: "disabled", as: "yesNo" },
      { key: "lastLoginAt", title: "last login", as: "time", drop: 1 },
      { key: "id", drop: 2 },
    ],
    examples: ["operators list"],
  },
  {
    path: ["operators", "create"],
    route: "operators.create",
    done: ({ email }) => `created ${email}.`,
    examples: [
      "operators create",
      "operators create --name 'Sam Ops' --email sam@example.com --password-stdin < sam.txt",
    ],
  },
  {
    path: ["operators", "disable"],
    route: "operators.disable",
    positional: operator,
    confirm: { question: "Disable the operator %s?", reversible: true },
    done: ({ email, tokensLeft }) =>
      `disabled ${email}; their sessions and operator tokens have ended.${tokensLeftText(tokensLeft)}`,
    examples: ["operators disable sam@example.com"],
  },
  {
    path: ["operators", "enable"],
    route: "operators.enable",
    positional: operator,
    done: ({ email }) => `${email} can log in again.`,
    examples: ["operators enable sam@example.com"],
  },
  {
    path: ["operators", "reset-password"],
    route: "operators.resetPassword",
    positional: operator,
    done: ({ secret }) =>
      secret === null
        ? "the password is set; the operator's sessions have ended."
        : "give the secret to the operator: it works once, for one hour, with `tenantctl redeem`.",
    examples: ["operators reset-password sam@example.com"],
  },
]);
