import type { CheckItem, Incident, IncidentKind } from "@tenantctl/contract";
import type { Invocation } from "../invocation.ts";
import type { Api } from "../session/api.ts";

/** What a step is given. */
export interface StepContext {
  readonly invocation: Invocation;
  readonly incident: Incident;
  /** Undefined where neither the API nor the database is there. */
  readonly api: Api | undefined;
  /** Where the incident is worked on, and why not elsewhere. */
  readonly place: { readonly kind: "api" | "database" | "file"; readonly why: readonly string[] };
  /** The same when a step that was killed is run again: what must not happen twice goes by it. */
  readonly attempt: string;
}

/** What came out, and whether the step is over with it; false: it has to be run again. */
export interface StepResult {
  readonly item: Omit<CheckItem, "id" | "title">;
  readonly over: boolean;
}

export type Step = (context: StepContext) => Promise<StepResult>;
export type Steps = Readonly<Record<IncidentKind, Readonly<Record<string, Step>>>>;

export const over = (item: StepResult["item"]): StepResult => ({ item, over: true });
export const notOver = (item: StepResult["item"]): StepResult => ({ item, over: false });

/** A step that needs the API or the database, where there is neither. */
export const outOfReach = ({ place }: StepContext, what: string): StepResult =>
  notOver({
    result: "problem",
    evidence: [`${what}: not done`, ...place.why],
    next: "start the API, or set DATABASE_URL; then: tenantctl incident step",
  });

/** So many lines are kept of what may be long. */
const mostLines = 200;

export const shortened = (lines: readonly string[]): string[] =>
  lines.length <= mostLines ? [...lines] : [...lines.slice(0, mostLines), `… and ${lines.length - mostLines} more`];

/** Runs `work` for each item, a few at once, and gives the results in order. */
export const eachOf = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>, atOnce = 8): Promise<R[]> => {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index];
      if (item !== undefined) results[index] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
};

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
