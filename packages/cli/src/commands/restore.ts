import { ContractError, exitCodes } from "@tenantctl/contract";
import { identityFlag, recipientFlags, repositoryFlag, repositoryOf } from "../backup/flags.ts";
import { identitiesOf } from "../backup/keys.ts";
import { stallTimeoutFlag } from "../backup/stall-timeout.ts";
import { CliError, usage } from "../cli-error.ts";
import { defineCommands } from "../command.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { bytesText } from "../output/cell.ts";
import { cleanLine } from "../output/clean.ts";
import { type CheckedArchive, checkArchive } from "../restore/checked-archive.ts";
import { type ChosenArchive, chooseArchive } from "../restore/choose-archive.ts";
import { printDiff, printRestored } from "../restore/print-restore.ts";
import { replaceInPlace } from "../restore/replace-in-place.ts";
import { queryOf, type RestoreMode, restoreMode } from "../restore/restore-mode.ts";
import { sendDocument } from "../restore/send-document.ts";
import type { Api } from "../session/api.ts";

interface Read {
  readonly archive: CheckedArchive;
  readonly chosen: ChosenArchive;
}

/** The archive that the flags name: a file, or the newest backup in a repository. Read to its end before anything else is done. */
const readArchive = async (
  invocation: Invocation,
  api: Api | undefined,
  tenant: string | null,
  identities: readonly string[],
): Promise<Read> => {
  const { flags, out } = invocation;
  const file = textFlag(flags, "file");
  if (file !== undefined && flags.run !== undefined)
    throw usage("--file names the archive itself; --run doesn't go with it");
  const chosen: ChosenArchive =
    file === undefined
      ? await chooseArchive(
          { repository: repositoryOf(invocation), run: textFlag(flags, "run"), tenant },
          api,
          out.note,
        )
      : { path: file, sha256: undefined, recipients: [], says: file, otherwise: "Use another backup." };
  out.note(cleanLine(chosen.says));
  const archive = await checkArchive(chosen.path, identities, chosen.sha256).catch((error: unknown) => {
    if (!(error instanceof CliError) || error.exit !== exitCodes.problemFound) throw error;
    throw new CliError(error.code, error.exit, error.message, chosen.otherwise);
  });
  const rows = archive.manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  out.note(
    `verified: ${bytesText(archive.bytes)}, ${rows} rows in ${archive.manifest.tables.length} tables, every byte as it was written`,
  );
  return { archive, chosen };
};

/** Whose data the archive is. Throws a usage error for a system archive and for another tenant's than was asked for. */
const tenantIn = ({ manifest, path }: CheckedArchive, asked: string | undefined): { id: string; slug: string } => {
  const { tenant } = manifest;
  if (tenant === null)
    throw usage(`${path} is a system archive and holds no tenant`, "It is for `tenantctl restore --system`.");
  if (asked !== undefined && asked !== tenant.slug && asked.toLowerCase() !== tenant.id)
    throw usage(`${path} is ${tenant.slug}'s (${tenant.id}), not ${asked}'s`, `Name ${tenant.slug}, or another file.`);
  return { id: tenant.id, slug: tenant.slug };
};

/** A tenant as the system has it now. */
const presentTenant = async (api: Api, id: string): Promise<{ id: string; slug: string }> => {
  try {
    const { id: same, slug } = await api.call("tenants.get", { params: { id } });
    return { id: same, slug };
  } catch (error) {
    if (!(error instanceof ContractError) || error.code !== "tenant_not_found") throw error;
    throw new CliError(
      error.code,
      exitCodes.notFound,
      "this tenant is not there any more, so there is nothing to replace or to compare with",
      "--original brings it back under its old id; --as-new SLUG makes a copy.",
    );
  }
};

/** Long uploads are not begun in vain. */
const refuseTakenSlug = async (api: Api, slug: string): Promise<void> => {
  const taken = await api.call("tenants.get", { params: { id: slug } }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof ContractError && error.code === "tenant_not_found") return false;
      throw error;
    },
  );
  if (taken) throw new ContractError("slug_taken", `There is a tenant ${slug} already.`, "Choose another slug.");
};

const suspended = (slug: string): string => ` It is suspended; let its users in with: tenantctl reactivate ${slug}`;

const restoreTenant = async (invocation: Invocation, mode: RestoreMode): Promise<number> => {
  const { args, flags, out } = invocation;
  const [asked, ...more] = args;
  if (more.length > 0) throw usage("too many arguments: this command takes <tenant>");
  if (asked === undefined && flags.file === undefined)
    throw usage("missing: <tenant>", "Name the tenant, by its slug or its id; or an archive with --file.");
  const dryRun = flags.dryRun === true;
  const api = await invocation.api();
  if (mode.kind === "new") await refuseTakenSlug(api, mode.slug);
  const identities = await identitiesOf(invocation);
  const { archive, chosen } = await readArchive(invocation, api, asked ?? null, identities);
  // An id that was asked for by a slug is the archive's; a tenant may have been renamed since.
  const held = tenantIn(archive, flags.file === undefined ? undefined : asked);
  const target = mode.kind === "in-place" || mode.kind === "diff" ? await presentTenant(api, held.id) : held;
  const send = (query: Readonly<Record<string, unknown>>) =>
    sendDocument(
      api,
      { route: "restores.create", query, document: archive.plain, what: "the restore", wait: flags.wait !== false },
      out.note,
    );
  if (mode.kind === "diff" || (mode.kind === "in-place" && dryRun)) {
    await printDiff(invocation, await send(queryOf({ kind: "diff" }, target, true)));
    return exitCodes.done;
  }
  if (mode.kind === "in-place")
    return replaceInPlace(invocation, {
      api,
      archive,
      target,
      recipients: chosen.recipients,
      identities,
      repository: repositoryOf(invocation),
      send,
    });
  const sent = await send(queryOf(mode, target, dryRun));
  if (dryRun) {
    out.note("dry run: nothing was changed, and a restore would be allowed.");
    return exitCodes.done;
  }
  await printRestored(invocation, sent, archive.manifest, suspended);
  return exitCodes.done;
};

const run = async (invocation: Invocation): Promise<number> => {
  const mode = restoreMode(invocation);
  return restoreTenant(invocation, mode);
};

export const commands = defineCommands([
  {
    path: ["restore"],
    covers: ["restores.create"],
    summary: "Restore one tenant from a backup",
    description: [
      "Takes the newest finished run that holds the tenant, reads all of it, decrypts it here, and sends it to the API, which checks it",
      "again, writes it in one transaction inside that tenant's row-level security, and commits only what equals the archive, table by table.",
      "Other tenants are not touched. A copy or a tenant brought back is suspended until reactivated.",
      "In place, the present state is backed up into the same repository, and that backup verified, before anything is replaced.",
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
      identityFlag,
      ...recipientFlags,
      stallTimeoutFlag,
      { flags: "--no-backup", help: "With --in-place: don't back the present state up first" },
      { flags: "--no-wait", help: "Don't wait for a restore that goes on as an operation" },
    ],
    run,
    examples: [
      "restore acme --as-new acme-copy",
      "restore acme --repo /var/backups/tenants --diff",
      "restore acme --in-place --confirm acme --identity-file ~/age-key.txt",
      "restore acme --original",
      "restore --file acme.tar --as-new acme-copy",
    ],
  },
]);
