import { defineCommands } from "../command.ts";
import type { Invocation } from "../invocation.ts";

const diagnose = async (invocation: Invocation): Promise<number> =>
  (await import("../diagnose/print-diagnosis.ts")).runDiagnosis(invocation);

const exits = "The verdict comes first, then what it was concluded from; exit 10 when something is wrong.";

export const commands = defineCommands([
  {
    path: ["diagnose", "login"],
    route: "diagnose.login",
    positional: [{ name: "tenantId", label: "tenant", names: "tenant" }],
    description: `Looks at the tenant, the account, its password, throttling and the failed logins of 24 hours. ${exits}`,
    run: diagnose,
    examples: [
      "diagnose login acme --email ann@acme.com",
      "diagnose login acme --email ann@acme.com --address 203.0.113.7 -o json",
    ],
  },
  {
    path: ["diagnose", "quota"],
    route: "diagnose.quota",
    positional: [{ name: "tenantId", label: "tenant", names: "tenant" }],
    description: `Use, limit and trend, what uses it, and what the three options come to: a larger plan, a higher quota, less use. ${exits}`,
    run: diagnose,
    examples: ["diagnose quota acme", "diagnose quota acme -o json"],
  },
  {
    path: ["diagnose", "performance"],
    route: "diagnose.performance",
    description: `Looks at statements, tenants, indexes, vacuum, transactions, pools and the cache. It runs nothing of what it advises. ${exits}`,
    run: diagnose,
    examples: ["diagnose performance", "diagnose performance -o json"],
  },
  {
    path: ["diagnose", "isolation"],
    covers: ["diagnose.isolation"],
    summary: "Look for ways from one tenant to another, and try them",
    description:
      "Lints of the live database; then two hidden tenants, removed again, try every verb on every table and every route on each other. With two --tenant it only reads, between these. Exit 10 on any finding, 11 while another diagnosis runs.",
    flags: [{ flags: "--tenant <tenant...>", help: "Only read between two tenants that are there; give it twice" }],
    run: async (invocation) => (await import("../diagnose/isolation-command.ts")).diagnoseIsolation(invocation),
    examples: ["diagnose isolation", "diagnose isolation --tenant acme --tenant globex", "diagnose isolation -o json"],
  },
  {
    path: ["diagnose", "token"],
    covers: ["diagnose.token"],
    summary: "Say what a token is, and whether it is valid",
    description: `Reads an access token or a tctl_ token from standard input, or asks for it; never an argument. Without the API it says what the token itself tells. ${exits}`,
    run: async (invocation) => (await import("../diagnose/token-command.ts")).diagnoseToken(invocation),
    examples: ["diagnose token", "diagnose token -o json"],
  },
]);
