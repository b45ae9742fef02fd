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
]);
