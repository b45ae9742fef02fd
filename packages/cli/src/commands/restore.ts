import { expiresAfterFlag, identityFlag, recipientFlags, repositoryFlag } from "../backup/flags.ts";
import { stallTimeoutFlag } from "../backup/stall-timeout.ts";
import { defineCommands } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { goOnUnread } from "../output/broken-output.ts";
import { databaseFlags } from "../restore/archive-from-database.ts";
import { restoreMode } from "../restore/restore-mode.ts";
import { restoreSystem } from "../restore/restore-system.ts";
import { restoreTenant } from "../restore/restore-tenant.ts";
import { serverFlags } from "../start/server-settings.ts";

const run = async (invocation: Invocation): Promise<number> => {
  goOnUnread();
  const mode = restoreMode(invocation);
  return mode.kind === "system" ? restoreSystem(invocation) : restoreTenant(invocation, mode);
};

export const commands = defineCommands([
  {
    path: ["restore"],
    covers: ["restores.create"],
    summary: "Restore one tenant from a backup, or a lost system",
    description: [
      "Takes the newest finished run that holds the tenant, reads all of it, decrypts it here, and sends it to the API, which checks it",
      "again, writes it in one transaction inside that tenant's row-level security, and commits only what equals the archive, table by table.",
      "Other tenants are not touched. A copy or a tenant brought back is suspended until reactivated.",
      "In place, the present state is backed up into the same repository, and that backup verified, before anything is replaced.",
      "--system works without an API: it puts a run's system archive into an empty database, then the run's tenants; start the API afterwards.",
    ].join(" "),
    positional: [
      { name: "tenant", names: "tenant", optional: true, help: "The tenant's id or slug, as the backup has it" },
    ],
    flags: [
      { flags: "--as-new <slug>", help: "As a copy beside the original" },
      { flags: "--in-place", help: "Replace the tenant's data" },
      { flags: "--confirm <slug>", help: "The tenant's slug, in place of typing it for --in-place" },
      { flags: "--original", help: "Bring a purged tenant back under its old id" },
      { flags: "--slug <slug>", help: "With --original, where its own slug is taken" },
      { flags: "--diff", help: "Only show what --in-place would change" },
      { flags: "--dry-run", help: "Only check whether it would be allowed; nothing is changed" },
      repositoryFlag,
      { flags: "--run <run>", help: "From this run instead of the newest one" },
      { flags: "--file <archive>", help: "From this archive" },
      ...databaseFlags,
      identityFlag,
      ...recipientFlags,
      { ...expiresAfterFlag, help: "Let prune remove the backup of the present state after so long, such as 35d" },
      stallTimeoutFlag,
      { flags: "--no-backup", help: "With --in-place: don't back the present state up first" },
      { flags: "--system", help: "Rebuild a lost system and its tenants in the empty database of DATABASE_URL" },
      ...serverFlags.filter(({ flags }) => flags.startsWith("--config")),
      { flags: "--no-wait", help: "Don't wait for a restore that goes on as an operation" },
    ],
    run,
    examples: [
      "restore acme --as-new acme-copy",
      "restore acme --repo /var/backups/tenants --diff",
      "restore acme --in-place --confirm acme --identity-file ~/age-key.txt",
      "restore acme --original",
      "restore --file acme.tar --as-new acme-copy",
      "restore acme --from-database postgresql://admin@side-instance/tenantctl --as-new acme-yesterday",
      "restore --system --repo /var/backups/tenants --identity-file ~/age-key.txt",
    ],
  },
]);
