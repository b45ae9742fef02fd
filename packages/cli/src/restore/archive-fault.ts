import { ArchiveError } from "@tenantctl/archive";
import { exitCodes } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";

/** What is not the archive's own fault, but that of what it is opened with. */
const exits: Readonly<Partial<Record<ArchiveError["code"], number>>> = {
  key_missing: exitCodes.usage,
  key_invalid: exitCodes.usage,
  wrong_key: exitCodes.conflict,
  format_newer: exitCodes.conflict,
};

/** What an archive's error means to a command: exit 10 where the archive is not whole. Others are passed on. */
export const archiveFault = (error: unknown, path: string): unknown => {
  if (!(error instanceof ArchiveError)) return error;
  const { code, faults, message } = error;
  const more =
    faults.length > 1 ? `: ${faults.slice(0, 5).join("; ")}${faults.length > 5 ? "; …" : ""}` : `: ${message}`;
  const hint = code === "key_missing" ? "Name the file that holds the age identity: --identity-file FILE." : error.hint;
  return new CliError(code, exits[code] ?? exitCodes.problemFound, `${path}${more}`, hint);
};
