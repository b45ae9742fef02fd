import { createHash } from "node:crypto";
import {
  type CheckItem,
  ContractError,
  checkResults,
  type Diagnosis,
  errors,
  tokenItems,
  UnreachableError,
} from "@tenantctl/contract";
import { readStdin } from "../arguments/secret-input.ts";
import { CliError, usage } from "../cli-error.ts";
import type { Invocation } from "../invocation.ts";
import { printDiagnosis } from "./print-diagnosis.ts";

const sha256 = (text: string): Uint8Array => createHash("sha256").update(text).digest();

/** Longest token that the API takes. */
const longest = 4096;

/** The token, from standard input or a prompt that does not echo; as it stands in a header, too. */
const readToken = async ({ ask, args }: Invocation): Promise<string> => {
  if (args.length > 0)
    throw usage(
      "a token is no argument: it would stand in the shell's history",
      "Give it on standard input: tenantctl diagnose token < token.txt",
    );
  const isTerminal = process.stdin.isTTY === true;
  if (isTerminal && !ask.possible)
    throw usage("missing: the token, on standard input", "For instance: tenantctl diagnose token < token.txt");
  const text = isTerminal ? await ask.secret("The token:") : await readStdin(65_536);
  const token = text.trim().replace(/^(authorization: *)?bearer +/i, "");
  if (token === "")
    throw usage("there is no token on standard input", "For instance: tenantctl diagnose token < token.txt");
  return token;
};

/** Why the server could not be asked, where the token's own words are all there is; undefined for other errors. */
const whyNotAsked = (error: unknown): string | undefined => {
  if (error instanceof UnreachableError) return error.message;
  if (error instanceof CliError && error.code === "not_logged_in") return error.message;
  if (!(error instanceof ContractError)) return undefined;
  const { status } = errors[error.code];
  return status === 401 || status === 403 || status >= 500 ? error.message : undefined;
};

const worstOf = (items: readonly CheckItem[]): Diagnosis["result"] =>
  items.reduce<Diagnosis["result"]>(
    (worst, { result }) => (checkResults.indexOf(result) > checkResults.indexOf(worst) ? result : worst),
    "ok",
  );

/** What can be told without the server, and that it was not asked. */
const offline = (items: readonly CheckItem[], why: string): Diagnosis => {
  const bad = items.some(({ result }) => result === "problem");
  const all: CheckItem[] = [
    ...items,
    {
      id: "server",
      title: "What only the server knows",
      result: "needs_person",
      evidence: [
        `the API was not asked: ${why}`,
        "not known: its signature, its session or whether it was revoked, its tenant's status",
      ],
      next: "tenantctl status",
    },
  ];
  return {
    verdict: bad
      ? "this token is not valid, by what it says itself"
      : "this token may be valid; only the server can tell",
    result: worstOf(all),
    items: all,
  };
};

/** Says what a token is and whether it is valid: by the server, or without it as far as that goes. */
export const diagnoseToken = async (invocation: Invocation): Promise<number> => {
  const token = await readToken(invocation);
  const items = tokenItems(token, sha256, Date.now());
  const isWhole = items.every(({ id, result }) => id !== "form" || result !== "problem");
  // What is no token of ours may be another's secret: it does not leave this machine.
  if (!isWhole || token.length > longest) {
    const shown: Diagnosis = { verdict: "this is no token that the API takes", result: "problem", items };
    return printDiagnosis(invocation, JSON.stringify(shown));
  }
  try {
    const { text } = await (await invocation.api()).text("diagnose.token", { body: { token } });
    return await printDiagnosis(invocation, text);
  } catch (error) {
    const why = whyNotAsked(error);
    if (why === undefined) throw error;
    return printDiagnosis(invocation, JSON.stringify(offline(items, why)));
  }
};
