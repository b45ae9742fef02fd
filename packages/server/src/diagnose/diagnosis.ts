import type { CheckItem, Diagnosis } from "@tenantctl/contract";
import { worst } from "../checks/wording.ts";

/** One look of a diagnosis. */
export interface Finding extends Omit<CheckItem, "next" | "evidence"> {
  readonly evidence: readonly string[];
  readonly next?: string | undefined;
  /** Where it is a problem: what to say of it in the verdict, behind "because". */
  readonly because?: string | undefined;
}

/** Longest line of evidence: what people typed may be long. */
const longest = 500;

/** The findings as the API answers them, under their verdict. */
export const diagnosisOf = (verdict: string, findings: readonly Finding[]): Diagnosis => ({
  verdict,
  result: worst(findings.map(({ result }) => result)),
  items: findings.map(({ id, title, result, evidence, next }) => ({
    id,
    title,
    result,
    evidence: evidence.map((line) => (line.length > longest ? `${line.slice(0, longest - 1)}…` : line)),
    next: next ?? null,
  })),
});

/** The reasons of all problems as one half-sentence, the first that counts in front. */
export const reasons = (findings: readonly Finding[]): string =>
  findings
    .filter(({ result, because }) => result === "problem" && because !== undefined)
    .map(({ because }) => because)
    .join("; and ");

/** A word of a command line that can be copied into a shell whatever was typed into it. */
export const shellWord = (text: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) && !text.startsWith("-") ? text : `'${text.replaceAll("'", `'\\''`)}'`;
