import { randomUUID } from "node:crypto";
import { gather } from "../arguments/gather.ts";
import { usage } from "../cli-error.ts";
import { defineCommands } from "../command.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { runRoute } from "../run-route.ts";

const provisionShown = ["id", "slug", "name", "status", "plan", "contactEmail", "adminId"] as const;

const provision = async (invocation: Invocation): Promise<number> => {
  const { command, args, flags, ask, api } = invocation;
  const file = textFlag(flags, "file");
  if (file !== undefined) {
    const { provisionFile } = await import("../provision/provision-file.ts");
    return provisionFile(invocation, file);
  }
  for (const name of ["report", "concurrency"])
    if (flags[name] !== undefined) throw usage(`--${name} goes with --file`, "Name a file of tenants: --file FILE.");
  // A key of its own makes it safe to send the request again when the answer is lost on the way.
  const keyed = { ...invocation, flags: { ...flags, idempotencyKey: flags.idempotencyKey ?? randomUUID() } };
  if (flags.invite !== true) return runRoute(keyed);
  if (flags.passwordFile !== undefined || flags.passwordStdin === true)
    throw usage("--invite and a password exclude each other", "Give one of them.");
  const invite = {
    ...command,
    fixed: { adminPassword: null },
    shown: [...provisionShown, "adminSecret", "adminSecretExpiresAt"],
  };
  return runRoute({
    ...keyed,
    command: invite,
    gathered: () => gather({ command: invite, args, flags, ask, api }),
  });
};

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
      { key: "maintenance.mode", title: "maintenance", none: "none" },
    ],
    examples: ["show acme", "show acme -o yaml"],
  },
  {
    path: ["provision"],
    route: "tenants.provision",
    positional: [{ name: "name", optional: true, help: "The tenant's name" }],
    cells: [{ key: "status", as: "status" }],
    shown: provisionShown,
    flags: [
      { flags: "--invite", help: "No password: print a secret with which the administrator sets the first one" },
      {
        flags: "-f, --file <path>",
        help: "Provision a tenant for each row of a CSV or JSON lines file; - is standard input",
      },
      { flags: "--report <path>", help: "With --file: add a line of JSON per row, secrets included, to this file" },
      { flags: "--concurrency <n>", help: "With --file: how many at once, 1 to 32 (4)" },
    ],
    description: [
      "Tenant, administrator, quotas and audit row in one transaction. Without --slug one is derived from the name.\n",
      "With --file the columns are name, slug, contactEmail, adminName, adminEmail, adminPassword and plan; slug may be",
      "left out to be made from the name, adminPassword to have a secret in the report, plan where --plan is given.",
      "The whole file is checked before the first tenant is made; a tenant that is there already, with this slug and",
      "administrator, is skipped, so the same file can be run again. Exit 3 where some failed.",
    ].join(" "),
    done: ({ slug, adminSecret }) =>
      adminSecret === null || adminSecret === undefined
        ? `provisioned ${slug}. Next: tenantctl show ${slug}`
        : `provisioned ${slug}. Give the secret to the administrator: it works once, for seven days, with \`tenantctl redeem\`.`,
    run: provision,
    examples: [
      "provision",
      "provision 'Acme Inc.' --plan basic --contact-email hi@acme.com --admin-name Ann --admin-email ann@acme.com --password-file ann.txt",
      "provision 'Acme Inc.' --plan basic --contact-email hi@acme.com --admin-name Ann --admin-email ann@acme.com --password-file ann.txt --dry-run",
      "provision --file tenants.csv --report made.jsonl",
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
