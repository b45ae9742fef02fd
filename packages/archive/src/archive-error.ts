/** What can be wrong with an archive, its keys or what it is written from; callers decide by these codes. */
export type ArchiveErrorCode =
  /** Neither an archive nor an age file. */
  | "not_an_archive"
  /** A format version this program does not know, because it is older than the archive. */
  | "format_newer"
  /** It ends before its end. */
  | "archive_cut"
  /** Some byte, part or count is not what it was; `faults` has them all. */
  | "archive_damaged"
  /** A name that no archive holds, such as one that leaves its folder. */
  | "unsafe_name"
  /** More than the format allows in one place, such as a part that unpacks without end. */
  | "limit_exceeded"
  /** It is an age file, and no key was given. */
  | "key_missing"
  /** It is an age file, and none of the keys given opens it. */
  | "wrong_key"
  /** Not an age recipient or identity. */
  | "key_invalid"
  /** No such table in this archive. */
  | "table_unknown"
  /** What an archive is written from contradicts itself: a COPY stream cut short, a row count that does not fit. */
  | "source_invalid"
  /** Not a row of COPY text. */
  | "row_invalid";

/** Every error this package raises on purpose. `hint` is the next step; `faults` names each thing found wrong. */
export class ArchiveError extends Error {
  readonly code: ArchiveErrorCode;
  readonly hint: string;
  readonly faults: readonly string[];

  constructor(
    code: ArchiveErrorCode,
    message: string,
    hint: string,
    more: { faults?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause });
    this.name = "ArchiveError";
    this.code = code;
    this.hint = hint;
    this.faults = more.faults ?? [message];
  }
}

const useAnother = "Use another backup of this tenant; this file cannot be trusted.";

/** Something in the archive is not what was written. */
export const damaged = (message: string, more: { faults?: readonly string[]; cause?: unknown } = {}): ArchiveError =>
  new ArchiveError("archive_damaged", message, useAnother, more);

/** The archive ends early, as after an interrupted copy. */
export const cut = (message: string): ArchiveError =>
  new ArchiveError("archive_cut", message, "Copy the file again from where it is whole, or use another backup.");

/** The archive asks for more than any archive may. */
export const beyondLimit = (message: string): ArchiveError =>
  new ArchiveError("limit_exceeded", message, "No archive needs this much: do not trust the file.");
