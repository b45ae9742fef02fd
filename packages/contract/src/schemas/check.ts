import Type, { type Static } from "typebox";
import { checkResults } from "../check-result.ts";
import { Closed, Nullable, OneOf } from "./values.ts";

/** What one look found: in checklists, in diagnoses and in the steps of an incident. */
export const CheckItem = Closed({
  id: Type.String({ description: "What was looked at; the same name in every run" }),
  title: Type.String({ description: "The same, for people" }),
  result: OneOf(checkResults, "needs_person: nothing is known to be wrong, and only a person can tell"),
  evidence: Type.Array(Type.String(), { description: "What was seen, the most important first" }),
  next: Nullable(Type.String({ description: "The next command or step; null where there is nothing to do" })),
});
export type CheckItem = Static<typeof CheckItem>;
