import type { CompiledQuery } from "kysely";
import type { App } from "../../app.ts";
import type { Finding } from "../diagnosis.ts";

/** What a look at the database's speed is given. */
export interface Looking {
  readonly app: App;
  /** One statement as operator, which may take 15 seconds. */
  ask<R>(query: CompiledQuery<R>): Promise<R[]>;
}

export type Seen = Omit<Finding, "id" | "title">;

/** One thing that makes a system slow. It only reads; what should be run is said as the statement to run. */
export interface Look {
  readonly id: string;
  readonly title: string;
  readonly see: (looking: Looking) => Promise<Seen>;
}

/** A statement cut to a line that a screen holds. */
export const statementLine = (text: string): string => {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
};

export const durationText = (seconds: number): string =>
  seconds < 120
    ? `${Math.round(seconds)} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3600)} h`;
