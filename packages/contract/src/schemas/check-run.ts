import Type, { type Static } from "typebox";
import { checkResults } from "../check-result.ts";
import { CheckItem } from "./check.ts";
import { Closed, Count, Line, Nullable, OneOf, Time, Uuid } from "./values.ts";

export const checkCadences = ["daily", "weekly", "monthly"] as const;
export type CheckCadence = (typeof checkCadences)[number];

export const Cadence = OneOf(checkCadences, "Which checklist");

/** What a chart is drawn from. */
export const Figure = Closed({
  item: Type.String({ description: "The item it belongs to" }),
  title: Type.String({ description: "What it shows" }),
  kind: OneOf(["line", "bars", "ranking"], "line: over time; bars: by class; ranking: the largest first"),
  unit: OneOf(["count", "bytes", "percent"], "What the values count"),
  labels: Type.Array(Type.String(), { description: "Days, classes or names: one for each value" }),
  series: Type.Array(
    Closed({ name: Type.String(), values: Type.Array(Nullable(Type.Number()), { description: "null: not known" }) }),
  ),
});
export type Figure = Static<typeof Figure>;

const summary = {
  id: Uuid("The run's id"),
  cadence: Cadence,
  result: OneOf(checkResults, "The worst of its items"),
  problems: Count("Items with a problem"),
  warnings: Count("Items with a warning"),
  needsPerson: Count("Items that only a person can judge"),
  since: Time("From when on it looked at what happened: at least a whole day, week or month back"),
  startedAt: Time("When it began"),
  finishedAt: Time("When it was done"),
  by: Nullable(Type.String({ description: "Who ran it" })),
  signedOffAt: Nullable(Time("When somebody said that they had looked at it")),
  signedOffBy: Nullable(Type.String({ description: "Who has" })),
  note: Nullable(Type.String({ description: "What they said" })),
};

export const CheckRunSummary = Closed(summary);

const whole = {
  ...summary,
  items: Type.Array(CheckItem, { description: "What each check found" }),
  figures: Type.Array(Figure, { description: "What its charts are drawn from" }),
};
export const CheckRun = Closed(whole);
export type CheckRun = Static<typeof CheckRun>;

export const SignedOff = Closed({
  ...whole,
  changed: Type.Boolean({ description: "False where somebody had signed it off before; then it says who" }),
});

/** How one step of the guide fared against this server, as the caller saw it. */
export const TriedCommand = Closed({
  command: Line("The step", 200),
  outcome: OneOf(
    ["ok", "failed", "not_allowed", "skipped"],
    "not_allowed: the caller's login may not call it. skipped: there is nothing to call it about",
  ),
  detail: Type.Optional(Line("What happened", 300)),
});
export type TriedCommand = Static<typeof TriedCommand>;

export const NewCheckRun = Closed({
  cadence: Cadence,
  documentation: Type.Optional(
    Type.Array(TriedCommand, {
      description: "What the caller found on trying the guide's steps, for the weekly checklist; tenantctl does that",
      maxItems: 100,
    }),
  ),
});
