import { exitCodes } from "@tenantctl/contract";
import { defineCommands, type Positional } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { printAnswer } from "../run-route.ts";

const delivery = [{ name: "id", label: "delivery" }] as const satisfies readonly Positional[];

/** Exit 9 where it failed again. */
const resend = async (invocation: Invocation): Promise<number> => {
  const { input } = await invocation.gathered();
  const { text } = await (await invocation.api()).text("deliveries.resend", input);
  await printAnswer(invocation, "deliveries.resend", [text]);
  const { ok }: { ok: boolean } = JSON.parse(text);
  return ok ? exitCodes.done : exitCodes.unreachable;
};

export const commands = defineCommands([
  {
    path: ["deliveries", "list"],
    route: "deliveries.list",
    columns: [
      { key: "createdAt", title: "written", as: "time", drop: 3 },
      { key: "event" },
      { key: "contact", flex: true },
      { key: "host", flex: true, drop: 4 },
      { key: "status", as: "status" },
      { key: "attempts", title: "tries", as: "count", drop: 1 },
      { key: "lastError", title: "error", flex: true, drop: 2 },
      { key: "id", drop: 5 },
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
    examples: ["deliveries show 01890000-0000-7000-8000-000000000012"],
  },
  {
    path: ["deliveries", "resend"],
    route: "deliveries.resend",
    positional: delivery,
    description:
      "With the same id, whatever its status. Exit 9 when it failed again; it is then tried by itself for another day.",
    run: resend,
    examples: ["deliveries resend 01890000-0000-7000-8000-000000000012"],
  },
]);
