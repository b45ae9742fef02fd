import { stateDigest } from "@tenantctl/archive";
import { ContractError, exitCodes } from "@tenantctl/contract";
import { expiresAfterOf } from "../backup/flags.ts";
import { recipientsOf } from "../backup/keys.ts";
import { usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { cleanLine } from "../output/clean.ts";
import { confirmTyped } from "../prompt/confirm.ts";
import { impactOn, showImpact } from "../prompt/impact.ts";
import type { Api } from "../session/api.ts";
import { backUpPresent } from "./back-up-present.ts";
import type { CheckedArchive } from "./checked-archive.ts";
import { printDiff, printRestored } from "./print-restore.ts";
import { queryOf } from "./restore-mode.ts";
import type { Sent } from "./send-document.ts";

export interface Replacement {
  readonly api: Api;
  readonly archive: CheckedArchive;
  readonly target: { readonly id: string; readonly slug: string };
  /** Whom the archive's own run was encrypted for. */
  readonly recipients: readonly string[];
  readonly identities: readonly string[];
  readonly repository: string;
  readonly send: (query: Readonly<Record<string, unknown>>) => Promise<Sent>;
}

/** Somebody may write between the backup and the restore, so often at the most. */
const mostBackups = 3;

const mode = { kind: "in-place" } as const;

const written = (error: unknown): boolean => error instanceof ContractError && error.code === "edit_conflict";

const stillWritten = (slug: string): ContractError =>
  new ContractError(
    "edit_conflict",
    `${slug} was written to after each of ${mostBackups} backups, so nothing was restored: those changes would be lost.`,
    `Keep its users out first: tenantctl suspend ${slug}.`,
  );

/** What is there is shown, asked about, saved and read back; only that very state is replaced. */
export const replaceInPlace = async (invocation: Invocation, replacement: Replacement): Promise<number> => {
  const { flags, ask, out } = invocation;
  const { api, archive, target, identities, repository, send } = replacement;
  const keep = flags.backup !== false;
  const expiresAfterMs = expiresAfterOf(invocation);
  const preview = async (): Promise<void> => {
    showImpact(await impactOn(api, target.id), out);
    await printDiff(
      { out, settings: { ...invocation.settings, output: "table" } },
      await send(queryOf({ kind: "diff" }, target, true)),
    );
  };
  await confirmTyped(target.slug, textFlag(flags, "confirm"), ask, out, preview, {
    does: `replaces all data of ${target.slug} with those of its backup and ends its sessions`,
    warning: keep
      ? "The present state is backed up first; its sessions end."
      : "The present state is not backed up: what was made since is lost for good.",
  });
  const chosen = await recipientsOf(invocation);
  const recipients = chosen.length > 0 ? chosen : replacement.recipients;
  if (keep && recipients.length === 0 && archive.encrypted)
    throw usage(
      "the archive is encrypted, and for whom the backup of the present state is to be is not known",
      "Add --recipient age1…, or --no-backup.",
    );
  const next = (run: string | undefined) => (slug: string) =>
    run === undefined
      ? ""
      : ` What it replaced is in run ${run}: tenantctl restore ${slug} --repo ${repository} --run ${run} --diff`;
  for (let attempt = 1; ; attempt += 1) {
    const saved = keep
      ? await backUpPresent(invocation, { api, tenant: target, repository, recipients, identities, expiresAfterMs })
      : undefined;
    if (saved !== undefined) out.note(cleanLine(`the present state is in run ${saved.run}, read back and whole`));
    const tables = saved?.archive?.manifest.tables.filter(({ evidence }) => evidence !== true);
    const present = tables === undefined ? {} : { present: stateDigest(tables) };
    try {
      const sent = await send({ ...queryOf(mode, target, false), ...present });
      await printRestored(invocation, sent, archive.manifest, next(saved?.run));
      return exitCodes.done;
    } catch (error) {
      if (!written(error)) throw error;
      if (attempt === mostBackups) throw stillWritten(target.slug);
      out.note(`${target.slug} was written to since; backing it up again`);
    }
  }
};
