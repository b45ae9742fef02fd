import Type, { type Static } from "typebox";
import { checkResults } from "../check-result.ts";
import { CheckItem } from "./check.ts";
import { Closed, OneOf } from "./values.ts";

/** What a diagnosis comes to, and what it was concluded from. */
export const Diagnosis = Closed({
  verdict: Type.String({ description: "What it comes to, in one sentence" }),
  result: OneOf(checkResults, "The worst of the items' results"),
  items: Type.Array(CheckItem, { description: "What was looked at, in the order in which it counts" }),
});
export type Diagnosis = Static<typeof Diagnosis>;

const Count = (description: string) => Type.Integer({ description, minimum: 0 });

/** What a diagnosis of isolation comes to, and how much was tried for it. */
export const IsolationDiagnosis = Closed({
  ...Diagnosis.properties,
  counts: Closed({
    lints: Count("Lints of the live database"),
    tables: Count("Tables and views that the tenant role can reach"),
    statements: Count("Statements tried on them: verbs, in another tenant's context and in none"),
    routes: Count("Routes that tenants may call; 0 where the tenants are real"),
    calls: Count("Calls of them, controls included"),
  }),
});
