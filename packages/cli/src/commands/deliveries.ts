import { defineCommands, type Positional } from "../command.ts";
import { sendAndTell } from "../contacts/send-and-tell.ts";

const delivery = [{ name: "id", label: "delivery" }] as const satisfies readonly Positional[];

export const commands = defineCommands([
  {
    path: ["deliveries", "list"],
    route: "deliveries.list",
    columns: [
      { key: "createdAt", title: "written", as: "time", drop: 4 },
      { key: "event" },
      { key: "contact", flex: true },
      { key: "host", flex: true, drop: 5 },
      { key: "status", as: "status" },
      { key: "attempts", title: "tries", as: "count", drop: 3 },
      { key: "lastError", title: "error", flex: true, drop: 2 },
      // Asked for by show and resend.
      { key: "id", drop: 1 },
    ],
    empty: "nothing was sent yet, or nothing like this",
    examples: [
      "deliveries list",
      "deliveries list --status failed",
      "deliveries list --subject 01890000-0000-7000-8000-000000000005",
    ],
  },
  {
    path: ["deliveries", "show"],
    route: "deliveries.get",
    positional: delivery,
    done: ({ id, status }) => (status === "failed" ? `send it again: tenantctl deliveries resend ${id}` : undefined),
    examples: ["deliveries show 01890000-0000-7000-8000-000000000012"],
  },
  {
    path: ["deliveries", "resend"],
    route: "deliveries.resend",
    positional: delivery,
    description:
      "With the same id, whatever its status. Exit 9 when it failed again; it is then tried by itself for another day.",
    run: sendAndTell("deliveries.resend"),
    examples: ["deliveries resend 01890000-0000-7000-8000-000000000012"],
  },
]);
