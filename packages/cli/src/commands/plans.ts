import { defineCommands } from "../command.ts";

export const commands = defineCommands([
  {
    path: ["plans", "list"],
    route: "plans.list",
    columns: [
      { key: "name" },
      { key: "displayName", title: "for people", flex: true, drop: 3 },
      { key: "users", as: "count", none: "unlimited" },
      { key: "customers", as: "count", none: "unlimited" },
      { key: "storageBytes", title: "storage", as: "bytes", none: "unlimited" },
      { key: "apiRequestsPerDay", title: "requests/day", as: "count", none: "unlimited", drop: 1 },
      { key: "requestsPerMinute", title: "a minute", as: "count", none: "default", drop: 2 },
      { key: "tenants", as: "count" },
    ],
    examples: ["plans list"],
  },
  {
    path: ["plans", "set"],
    route: "plans.put",
    positional: [{ name: "name", label: "plan" }],
    cells: [
      { key: "users", none: "unlimited" },
      { key: "customers", none: "unlimited" },
      { key: "storageBytes", as: "bytes", none: "unlimited" },
      { key: "apiRequestsPerDay", none: "unlimited" },
      { key: "requestsPerMinute", none: "the server's default" },
    ],
    done: ({ name }) => `plan ${name} is set.`,
    examples: ["plans set pro --customers 200000", "plans set trial --users 3 --customers 100 --display-name Trial"],
  },
]);
