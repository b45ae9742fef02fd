export type EmbeddedErrorCode =
  | "UnsupportedPlatform"
  | "BinariesMissing"
  | "BinariesBroken"
  | "DataFolderInUse"
  | "DataFolderUnreachable"
  | "WrongMajorVersion"
  | "DiskFull"
  | "InitFailed"
  | "StartFailed";

/** Why the embedded PostgreSQL did not start: one sentence in `message`, the way out in `hint`. */
export class EmbeddedError extends Error {
  readonly code: EmbeddedErrorCode;
  readonly hint: string;

  constructor(code: EmbeddedErrorCode, message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EmbeddedError";
    this.code = code;
    this.hint = hint;
  }
}

/** The errno name (`ENOENT`, `EACCES`, …) of a failed system call, or undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
