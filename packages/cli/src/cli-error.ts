/** A failure that the CLI itself found. `code` is for scripts, `exit` one of the contract's exit codes. */
export class CliError extends Error {
  readonly code: string;
  readonly exit: number;
  readonly hint: string;
  constructor(code: string, exit: number, detail: string, hint: string) {
    super(detail);
    this.name = "CliError";
    this.code = code;
    this.exit = exit;
    this.hint = hint;
  }
}

/** The command was not said rightly, or an answer is missing that nobody can be asked for: exit 2. */
export const usage = (detail: string, hint = "Add --help to the command to see what it takes."): CliError =>
  new CliError("usage", 2, detail, hint);
