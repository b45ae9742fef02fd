import type { CheckCadence, CheckResult, Figure, TriedCommand } from "@tenantctl/contract";
import type { Scope } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import type { App } from "../app.ts";

/** What a check looks with. */
export interface Looking {
  readonly app: App;
  /** Reads as operator; each use checks the caller's credentials. */
  readonly scope: Scope;
  /** ISO 8601: from when on it is asked what happened. At least a whole day, week or month, so that a second run hides nothing. */
  readonly since: string;
  /** When the run before began; where there was none, the same as `since`. */
  readonly lastRun: string;
  /** What the caller saw on trying the guide's steps; undefined where it did not. */
  readonly documentation: readonly TriedCommand[] | undefined;
  /** One statement, which may take 15 seconds. */
  ask<R>(query: CompiledQuery<R>): Promise<R[]>;
}

export interface Found {
  readonly result: CheckResult;
  /** Short lines, the most important first; no more than a screen of them. */
  readonly evidence: readonly string[];
  /** The next command; none where there is nothing to do. */
  readonly next?: string | undefined;
  readonly figures?: readonly Omit<Figure, "item">[];
}

/** One item of a checklist. It only reads, and what it reads does not grow with the number of tenants times statements. */
export interface Check {
  /** The same in every run, for those who compare runs. */
  readonly id: string;
  readonly cadence: CheckCadence;
  /** The line of the guide's checklist. */
  readonly title: string;
  readonly look: (looking: Looking) => Promise<Found>;
}
