import { ContractError, exitCodes } from "@tenantctl/contract";
import { repositoryOf } from "../backup/flags.ts";
import { identitiesOf } from "../backup/keys.ts";
import { CliError, usage } from "../cli-error.ts";
import type { Invocation } from "../invocation.ts";
import { cleanLine } from "../output/clean.ts";
import type { Api } from "../session/api.ts";
import { sourceUrl, withArchiveOfDatabase } from "./archive-from-database.ts";
import type { CheckedArchive } from "./checked-archive.ts";
import { tenantIdOf } from "./choose-archive.ts";
import { printDiff, printRestored } from "./print-restore.ts";
import { readArchive, tenantIn, verifiedText } from "./read-archive.ts";
import { replaceInPlace } from "./replace-in-place.ts";
import { queryOf, type TenantMode } from "./restore-mode.ts";
import { sendDocument } from "./send-document.ts";

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

/** An archive that was read here and found whole, and what goes with it. */
interface Source {
  readonly archive: CheckedArchive;
  /** What the tenant was asked for as, where the archive must be that tenant's. */
  readonly asked: string | undefined;
  /** Whom it is encrypted for. */
  readonly recipients: readonly string[];
  readonly identities: readonly string[];
}

const restoreFrom = async (
  invocation: Invocation,
  mode: TenantMode,
  { archive, asked, recipients, identities }: Source,
): Promise<number> => {
  const { flags, out } = invocation;
  const dryRun = flags.dryRun === true;
  const api = await invocation.api();
  const held = tenantIn(archive, asked);
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
  if (mode.kind === "in-place") {
    const repository = repositoryOf(invocation);
    return replaceInPlace(invocation, { api, archive, target, recipients, identities, repository, send });
  }
  const sent = await send(queryOf(mode, target, dryRun));
  if (dryRun) {
    out.note("dry run: nothing was changed, and a restore would be allowed.");
    return exitCodes.done;
  }
  await printRestored(invocation, sent, archive.manifest, suspended);
  return exitCodes.done;
};

/** Restores one tenant from a repository, a file or another database. Nothing is sent before all of it was read and found whole. */
export const restoreTenant = async (invocation: Invocation, mode: TenantMode): Promise<number> => {
  const { args, flags, out } = invocation;
  const [asked, ...more] = args;
  if (more.length > 0) throw usage("too many arguments: this command takes <tenant>");
  if (asked === undefined && flags.file === undefined)
    throw usage("missing: <tenant>", "Name the tenant, by its slug or its id; or an archive with --file.");
  const url = await sourceUrl(invocation);
  const api = await invocation.api();
  if (mode.kind === "new") await refuseTakenSlug(api, mode.slug);
  if (url === undefined || asked === undefined) {
    const identities = await identitiesOf(invocation);
    const { archive, chosen } = await readArchive(invocation, api, asked ?? null, identities);
    // Out of a repository it is the right one by its id, whatever the tenant was called then.
    const expected = flags.file === undefined ? undefined : asked;
    return restoreFrom(invocation, mode, { archive, asked: expected, recipients: chosen.recipients, identities });
  }
  if (flags.file !== undefined || flags.run !== undefined || flags.identityFile !== undefined)
    throw usage("--from-database takes neither --file nor --run nor --identity-file");
  return withArchiveOfDatabase(invocation, url, await tenantIdOf(api, asked), async (archive) => {
    out.note(
      cleanLine(`${archive.manifest.tenant?.slug} as of ${archive.manifest.snapshot.at}, from the other database`),
    );
    out.note(verifiedText(archive));
    return restoreFrom(invocation, mode, { archive, asked: undefined, recipients: [], identities: [] });
  });
};
