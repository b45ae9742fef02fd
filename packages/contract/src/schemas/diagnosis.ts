import Type, { type Static } from "typebox";
import { CheckItem, checkResults } from "./check.ts";
import { Closed, OneOf } from "./values.ts";

/** What a diagnosis comes to, and what it was concluded from. */
export const Diagnosis = Closed({
  verdict: Type.String({ description: "What it comes to, in one sentence" }),
  result: OneOf(checkResults, "The worst of the items' results"),
  items: Type.Array(CheckItem, { description: "What was looked at, in the order in which it counts" }),
});
export type Diagnosis = Static<typeof Diagnosis>;
