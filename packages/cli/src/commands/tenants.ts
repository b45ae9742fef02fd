import { randomUUID } from "node:crypto";
import { defineCommands } from "../command.ts";
import { runRoute } from "../run-route.ts";

export const commands = defineCommands([
  {
    path: ["list"],
    route: "tenants.list",
    empty: "no tenants found",
    columns: [
      { key: "slug" },
      { key: "name", flex: true },
      { key: "status", as: "status" },
      { key: "plan", drop: 1 },
      { key: "contactEmail", title: "contact", flex: true, drop: 3 },
      { key: "createdAt", title: "created", as: "time", drop: 2 },
      { key: "id", drop: 4 },
    ],
    examples: ["list", "list --status suspended", "list --search acme -o json", "list -o csv > tenants.csv"],
  },
  {
    path: ["show"],
    route: "tenants.get",
    positional: [{ name: "id", label: "tenant", names: "tenant" }],
    cells: [
      { key: "status", as: "status" },
      { key: "backup.lastBackupAt", title: "last backup", none: "never" },
      { key: "backup.lastBackupBytes", title: "last backup size", as: "bytes" },
      { key: "backup.lastVerifiedAt", title: "last verified", none: "never" },
      { key: "backup.lastDrilledAt", title: "last drilled", none: "never" },
      { key: "legalHold", title: "legal hold", none: "none" },
    ],
    examples: ["show acme", "show acme -o yaml"],
  },
  {
    path: ["provision"],
    route: "tenants.provision",
    positional: [{ name: "name", optional: true, help: "The tenant's name" }],
    cells: [{ key: "status", as: "status" }],
    shown: ["id", "slug", "name", "status", "plan", "contactEmail", "adminId"],
    done: ({ slug }) => `provisioned ${slug}. Next: tenantctl show ${slug}`,
    // A key of its own makes it safe to send the request again when the answer is lost on the way.
    run: (invocation) =>
      runRoute({
        ...invocation,
        flags: { ...invocation.flags, idempotencyKey: invocation.flags.idempotencyKey ?? randomUUID() },
      }),
    examples: [
      "provision",
      "provision 'Acme Inc.' --plan basic --contact-email hi@acme.com --admin-name Ann --admin-email ann@acme.com --password-file ann.txt",
      "provision 'Acme Inc.' --plan basic --contact-email hi@acme.com --admin-name Ann --admin-email ann@acme.com --password-file ann.txt --dry-run",
    ],
  },
  {
    path: ["update"],
    route: "tenants.update",
    positional: [{ name: "id", label: "tenant", names: "tenant" }],
    cells: [{ key: "status", as: "status" }],
    shown: ["slug", "name", "status", "plan", "contactEmail"],
    done: ({ slug }) => `updated ${slug}.`,
    examples: [
      "update acme --plan pro",
      "update acme --plan pro --dry-run",
      "update acme --contact-email new@acme.com",
    ],
  },
]);
