import { exitCodes } from "@tenantctl/contract";
import { repositoryOf } from "../backup/flags.ts";
import { CliError, usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { bytesText } from "../output/cell.ts";
import { cleanLine } from "../output/clean.ts";
import { shellWord } from "../output/shell-word.ts";
import type { Api } from "../session/api.ts";
import { type CheckedArchive, checkArchive } from "./checked-archive.ts";
import { type ChosenArchive, chooseArchive } from "./choose-archive.ts";

/** What was found in an archive, for people. */
export const verifiedText = ({ manifest, bytes }: CheckedArchive): string => {
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  return `verified: ${bytesText(bytes)}, ${rows} rows in ${manifest.tables.length} tables, every byte as it was written`;
};

export interface Read {
  readonly archive: CheckedArchive;
  readonly chosen: ChosenArchive;
}

/** The archive that the flags name: a file, or the newest backup in a repository. Read to its end before anything else is done. */
export const readArchive = async (
  invocation: Invocation,
  api: Api | undefined,
  tenant: string | null,
  identities: readonly string[],
): Promise<Read> => {
  const { flags, out } = invocation;
  const file = textFlag(flags, "file");
  if (file !== undefined && flags.run !== undefined)
    throw usage("--file names the archive itself; --run doesn't go with it");
  if (file === undefined && tenant !== null && /[/.]/.test(tenant))
    throw usage(
      `"${cleanLine(tenant)}" is no tenant's slug or id`,
      `An archive is named with --file: tenantctl restore --file ${shellWord(tenant)} --as-new <slug>`,
    );
  const chosen: ChosenArchive =
    file === undefined
      ? await chooseArchive(
          { repository: repositoryOf(invocation), run: textFlag(flags, "run"), tenant },
          api,
          out.note,
        )
      : { path: file, run: undefined, sha256: undefined, recipients: [], says: file, otherwise: "Use another backup." };
  out.note(cleanLine(chosen.says));
  const archive = await checkArchive(chosen.path, identities, chosen.sha256).catch((error: unknown) => {
    if (!(error instanceof CliError) || error.exit !== exitCodes.problemFound) throw error;
    throw new CliError(error.code, error.exit, error.message, chosen.otherwise);
  });
  out.note(verifiedText(archive));
  return { archive, chosen };
};

/** Whose data the archive is. Throws a usage error for a system archive and for another tenant's than was asked for. */
export const tenantIn = (
  { manifest, path }: CheckedArchive,
  asked: string | undefined,
): { id: string; slug: string } => {
  const { tenant } = manifest;
  if (tenant === null)
    throw usage(`${path} is a system archive and holds no tenant`, "It is for `tenantctl restore --system`.");
  if (asked !== undefined && asked !== tenant.slug && asked.toLowerCase() !== tenant.id)
    throw usage(`${path} is ${tenant.slug}'s (${tenant.id}), not ${asked}'s`, `Name ${tenant.slug}, or another file.`);
  return { id: tenant.id, slug: tenant.slug };
};
