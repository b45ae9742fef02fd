import { type CheckItem, type Incident, isSettled, type RunbookStep, runbooks } from "@tenantctl/contract";
import type { Invocation } from "../invocation.ts";
import { textFlag } from "../invocation.ts";
import { failureOf } from "../report-error.ts";
import { isOutOfReach } from "./place.ts";
import type { Step, StepContext, StepResult, Steps } from "./step.ts";
import { affected, restore, resume, stop, verify } from "./steps/loss.ts";
import { notify } from "./steps/notify.ts";
import { preserve } from "./steps/preserve.ts";
import { scope } from "./steps/scope.ts";
import { suspend } from "./steps/suspend.ts";
import { database, errors, restart, server } from "./steps/system.ts";
import type { Timeline } from "./timeline.ts";

/** What each step of a runbook does. One that is not here a person does. */
export const steps: Steps = {
  "system-down": { server, database, errors, restart, notify },
  "data-breach": { suspend, preserve, notify, scope },
  "data-loss": { stop, affected, restore, verify, resume },
};

export const stepOf = ({ kind }: Pick<Incident, "kind">, id: string): RunbookStep | undefined =>
  runbooks[kind].find((step) => step.id === id);

/** The item as it is shown and kept: `ID` in its next step is this incident's. */
export const itemOf = (
  { id, title }: Pick<RunbookStep, "id" | "title">,
  incident: string,
  item: StepResult["item"],
): CheckItem => ({
  id,
  title,
  ...item,
  next: item.next?.replace(/\bID\b/g, incident) ?? null,
});

/** What waits for somebody, and the command for it. */
export const waiting = (step: RunbookStep, incident: Incident): CheckItem => {
  const by = step.automatic === undefined ? "a person does this" : "this is run when you say so";
  const run =
    step.automatic === undefined
      ? step.command
      : `tenantctl incident step ID ${step.id}${step.id === "restart" ? " --allow-restart" : ""}`;
  const tenant = incident.tenants.length === 1 ? incident.tenants[0]?.slug : undefined;
  return itemOf(step, incident.id, {
    result: "needs_person",
    evidence: [`${step.guideLine}: ${by}`],
    next: tenant === undefined ? run : run.replace(/\bTENANT\b/g, tenant),
  });
};

const attempt = async (step: Step, context: StepContext): Promise<StepResult> => {
  try {
    return await step(context);
  } catch (error) {
    if (isOutOfReach(error)) throw error;
    const { code, detail, hint } = failureOf(error);
    if (code === "declined" || code === "interrupted" || code === "usage") throw error;
    return { item: { result: "problem", evidence: [detail], next: hint }, over: false };
  }
};

/** Runs one step: claimed first, what came out kept last. Where the way there breaks it is tried once more from the next best place. */
export const runStep = async (
  invocation: Invocation,
  timeline: Timeline,
  step: RunbookStep,
): Promise<{ item: CheckItem; over: boolean }> => {
  const incident = await timeline.incident();
  const work = steps[incident.kind][step.id];
  if (work === undefined) throw new Error(`${step.id} is a person's`);
  // Begun and not ended: the same attempt goes on, so that nobody is told twice.
  const begun = incident.entries.findLast((entry) => entry.step === step.id && entry.kind !== "note");
  const id = crypto.randomUUID();
  await timeline.record({
    id,
    kind: "started",
    step: step.id,
    ...(invocation.flags.takeOver === true ? { takeOver: true } : {}),
    ...(invocation.flags.again === true ? { again: true } : {}),
  });
  const context = (): StepContext => ({
    invocation,
    incident,
    api: timeline.place.api,
    place: timeline.place,
    attempt: begun?.kind === "started" ? begun.id : id,
  });
  const result = await attempt(work, context()).catch(async (error: unknown) => {
    if (!isOutOfReach(error)) throw error;
    await timeline.reconnect();
    return attempt(work, context()).catch((again: unknown): StepResult => {
      if (!isOutOfReach(again)) throw again;
      const { detail, hint } = failureOf(again);
      return { item: { result: "problem", evidence: [detail], next: hint }, over: false };
    });
  });
  const item = itemOf(step, incident.id, result.item);
  await timeline.record({
    kind: result.over ? "done" : "failed",
    step: step.id,
    item,
    ...(invocation.flags.again === true ? { again: true } : {}),
    ...(invocation.flags.takeOver === true ? { takeOver: true } : {}),
  });
  return { item, over: result.over };
};

type Choice = "run" | "done" | "skip" | "later" | "stop";

const choices: Readonly<Record<Choice, string>> = {
  run: "run it",
  done: "it is done: say what was done",
  skip: "skip it: say why",
  later: "later",
  stop: "stop here",
};

const choose = async ({ ask }: Invocation, step: RunbookStep, runs: boolean): Promise<Choice> => {
  const offered = (Object.keys(choices) as Choice[]).filter((choice) => runs || choice !== "run");
  const answer = await ask.choose(
    `${step.guideLine}: ${step.title}`,
    offered.map((choice) => choices[choice]),
  );
  return offered.find((choice) => choices[choice] === answer) ?? "later";
};

/** Whether the flags let a step be run without anybody to ask. */
const isAllowed = ({ flags, settings }: Invocation, { id, automatic }: RunbookStep): boolean => {
  if (automatic === "safe") return flags.auto === true;
  if (automatic === undefined) return false;
  if (id === "restart") return flags.allowRestart === true;
  if (id === "restore") return textFlag(flags, "confirm") !== undefined && flags.auto === true;
  return settings.yes && flags.auto === true;
};

export interface Progress {
  readonly items: readonly CheckItem[];
  /** Steps that were begun and could not be brought to an end. */
  readonly failed: number;
}

/** Goes through what is not settled yet, in the runbook's order; says each item as it comes. */
export const runPending = async (
  invocation: Invocation,
  timeline: Timeline,
  say: (item: CheckItem) => Promise<void>,
): Promise<Progress> => {
  const items: CheckItem[] = [];
  let failed = 0;
  const told = async (item: CheckItem): Promise<void> => {
    items.push(item);
    await say(item);
  };
  const incident = await timeline.incident();
  for (const { id, state } of incident.steps) {
    const step = stepOf(incident, id);
    if (step === undefined || isSettled(state)) continue;
    const runs = step.automatic !== undefined;
    const left = incident.entries.findLast((entry) => entry.step === id && entry.kind === "done")?.item;
    if (state === "person" && left && !invocation.ask.possible) {
      await told(left);
      continue;
    }
    if (isAllowed(invocation, step) && state !== "person") {
      const { item, over } = await runStep(invocation, timeline, step);
      if (!over) failed += 1;
      await told(item);
      continue;
    }
    if (!invocation.ask.possible || invocation.flags.auto === true) {
      await told(waiting(step, incident));
      continue;
    }
    const choice = await choose(invocation, step, runs);
    if (choice === "stop") break;
    if (choice === "later") await told(waiting(step, incident));
    else if (choice === "run") {
      const { item, over } = await runStep(invocation, timeline, step);
      if (!over) failed += 1;
      await told(item);
    } else {
      const text = await invocation.ask.text(choice === "done" ? "What was done:" : "Why it is skipped:");
      await timeline.record({ kind: choice === "done" ? "done" : "skipped", step: id, text });
    }
  }
  return { items, failed };
};
