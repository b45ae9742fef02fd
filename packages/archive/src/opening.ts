import { ArchiveError, damaged } from "./archive-error.ts";
import { openingFile } from "./file-names.ts";
import { formatName, formatVersion } from "./manifest.ts";

/** The first file of every archive, of this and of later versions: what it is, and in which version of the format. */
export const opening: Buffer = Buffer.from(`${JSON.stringify({ format: formatName, version: formatVersion })}\n`);

/** Refuses a format this program does not know before anything else is read. */
export function checkOpening(content: Buffer): void {
  if (content.equals(opening)) return;
  const version = versionIn(content.toString("utf8"));
  if (version === undefined || version <= formatVersion)
    throw damaged(`${openingFile}: not what every archive begins with`);
  throw new ArchiveError(
    "format_newer",
    `the archive has format version ${version}; this program reads up to ${formatVersion}`,
    "Update tenantctl to the version that wrote it, or a later one.",
  );
}

function versionIn(text: string): number | undefined {
  const match = new RegExp(`^\\{"format":"${formatName}","version":([1-9]\\d{0,5})[,}]`).exec(text);
  return match === null ? undefined : Number(match[1]);
}
