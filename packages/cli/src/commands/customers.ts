import { defineCommands, type Positional } from "../command.ts";

const customer = [{ name: "id", label: "customer" }] as const satisfies readonly Positional[];

export const commands = defineCommands([
  {
    path: ["customers", "list"],
    route: "customers.list",
    columns: [
      { key: "name", flex: true },
      { key: "email", flex: true },
      { key: "phone", flex: true, drop: 3 },
      { key: "balanceMinor", title: "balance (minor)", as: "count", drop: 2 },
      { key: "currency", drop: 2 },
      { key: "createdAt", title: "created", as: "time", drop: 4 },
      { key: "id" },
    ],
    examples: [
      "customers list acme",
      "customers list acme --search lee --sort name",
      "customers list acme -o csv > customers.csv",
    ],
  },
  {
    path: ["customers", "create"],
    route: "customers.create",
    done: ({ name }) => `created ${name}.`,
    examples: ["customers create acme --name 'Ann Lee' --email ann@example.com"],
  },
  {
    path: ["customers", "show"],
    route: "customers.get",
    positional: customer,
    examples: ["customers show acme 01890000-0000-7000-8000-000000000002"],
  },
  {
    path: ["customers", "update"],
    route: "customers.update",
    positional: customer,
    done: ({ name }) => `updated ${name}.`,
    examples: [
      "customers update acme 01890000-0000-7000-8000-000000000002 --name 'Ann Lee'",
      "customers update acme 01890000-0000-7000-8000-000000000002 --phone ''",
    ],
  },
  {
    path: ["customers", "delete"],
    route: "customers.delete",
    positional: customer,
    confirm: { question: "Delete the customer %s?", reversible: false },
    done: ({ name }) => `deleted ${name}.`,
    examples: ["customers delete acme 01890000-0000-7000-8000-000000000002 --yes"],
  },
]);
