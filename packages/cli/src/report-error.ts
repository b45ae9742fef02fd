import { ContractError, errors, exitCodes, isErrorCode, UnreachableError } from "@tenantctl/contract";
import { CliError } from "./cli-error.ts";
import { cleanLine, cleanText } from "./output/clean.ts";

/** What is said about a failure, to people and to programs. */
export interface Failure {
  readonly code: string;
  readonly exit: number;
  readonly detail: string;
  readonly hint: string;
  readonly requestId?: string;
  readonly faults?: readonly { readonly path: string; readonly message: string }[];
  readonly retryAfter?: number;
}

/** Errors of this product have a code and a hint; they may come from another copy of the contract, so shape decides. */
const isCoded = (error: unknown): error is Error & { code: string; hint: string } =>
  error instanceof Error &&
  "code" in error &&
  typeof error.code === "string" &&
  "hint" in error &&
  typeof error.hint === "string";

/** The failure that an error stands for; what nothing here expects becomes `unexpected`, exit 1. */
export const failureOf = (error: unknown): Failure => {
  if (error instanceof CliError) return { code: error.code, exit: error.exit, detail: error.message, hint: error.hint };
  if (error instanceof UnreachableError)
    return {
      code: "unreachable",
      exit: exitCodes.unreachable,
      detail: error.message,
      hint: error.hint,
      ...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }),
    };
  if (isCoded(error) && isErrorCode(error.code)) {
    const problem = "problem" in error ? (error.problem as { requestId?: string } | undefined) : undefined;
    const more = error instanceof ContractError ? error : undefined;
    return {
      code: error.code,
      exit: errors[error.code].exit,
      detail: error.message,
      hint: error.hint,
      ...(problem?.requestId === undefined ? {} : { requestId: problem.requestId }),
      ...(more?.faults === undefined ? {} : { faults: more.faults }),
      ...(more?.retryAfter === undefined ? {} : { retryAfter: more.retryAfter }),
    };
  }
  return {
    code: "unexpected",
    exit: exitCodes.unexpected,
    detail: error instanceof Error ? error.message || error.name : String(error),
    hint: "This is a fault in tenantctl: please report it with the command that you ran. TENANTCTL_DEBUG=1 shows where it is.",
  };
};

/** Prints a failure on stderr: lines for people, one object where the output is JSON. Gives the exit code. */
export const reportError = (error: unknown, json: boolean, colour: boolean): number => {
  const failure = failureOf(error);
  if (process.env.TENANTCTL_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  if (json) {
    process.stderr.write(`${JSON.stringify(failure)}\n`);
    return failure.exit;
  }
  const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[39m` : text);
  const lines = [
    `${paint(31, "error:")} ${cleanText(failure.detail)}`,
    // A single fault is what the detail says already.
    ...(failure.faults ?? [])
      .slice(failure.faults?.length === 1 ? 1 : 0)
      .map(({ path, message }) => `  ${cleanLine(path)}: ${cleanLine(message)}`),
    `${paint(36, "next:")} ${cleanLine(failure.hint)}`,
    ...(failure.retryAfter === undefined ? [] : [`retry after: ${failure.retryAfter} s`]),
    ...(failure.requestId === undefined ? [] : [`request: ${cleanLine(failure.requestId)}`]),
  ];
  process.stderr.write(`${lines.join("\n")}\n`);
  return failure.exit;
};
