import { ArchiveError } from "@tenantctl/archive";
import { ContractError, type ErrorCode } from "@tenantctl/contract";
import { asContractError } from "../problem.ts";

/** An archive that is whole, but not for this database. */
export const unsupported = (detail: string, hint: string, cause?: unknown): ContractError =>
  new ContractError("archive_unsupported", detail, hint, { cause });

const ofThisKind: readonly ArchiveError["code"][] = ["format_newer", "key_missing", "key_invalid", "wrong_key"];

const own = (value: unknown): string => (typeof value === "string" ? value : "");

const diskFull = (cause: unknown): ContractError =>
  new ContractError(
    "overloaded",
    "There is no room on this server's disk to receive the document; nothing was changed.",
    "Free space where TENANTCTL_DATA_DIR (or TMPDIR) lies, then send it again.",
    { retryAfter: 60, cause },
  );

/** What stopped a restore, in the contract's words. Nothing was kept in any of these cases. */
export const restoreFault = (error: unknown): ContractError => {
  if (error instanceof ArchiveError) {
    const code: ErrorCode = ofThisKind.includes(error.code) ? "archive_unsupported" : "archive_invalid";
    const faults = error.faults.map((message) => ({ path: "body", message }));
    return new ContractError(code, error.message, error.hint, { faults, cause: error });
  }
  if (typeof error === "object" && error !== null && "code" in error) {
    if (error.code === "ENOSPC" || error.code === "EDQUOT") return diskFull(error);
    // A value or a key that this database does not take, though the archive's own did.
    const refused =
      /^(22|23)...$/.test(own(error.code)) && !("constraint" in error && error.constraint === "tenants_slug");
    if (refused && error instanceof Error) {
      return unsupported(
        `This database does not take what the archive holds: ${error.message}.`,
        "Nothing was kept. Compare this table's keys and checks with those in the archive.",
        error,
      );
    }
  }
  return asContractError(error);
};
