import { defineCommands } from "../command.ts";
import { serverFlags } from "../start/server-settings.ts";

export const commands = defineCommands([
  {
    path: ["doctor"],
    summary: "Look whether this machine and its database are ready to serve",
    description:
      "Needs no running API and changes nothing: settings, DATABASE_URL, its user's rights, roles, migrations, protection, on Citus the ways from node to node, Redis, the data folder. Each item says what was seen and the next step; exit 10 when there is a problem.",
    flags: serverFlags.filter(({ flags }) => /^--(config|data-dir)/.test(flags)),
    run: async (invocation) => (await import("../doctor/run-doctor.ts")).runDoctor(invocation),
    examples: ["doctor", "doctor --config /etc/tenantctl.env", "doctor -o json"],
  },
]);
