import { build, sql } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import { type Answers, nextText } from "./table-sources.ts";

/** What a snapshot says of itself. */
export interface Moment {
  /** What the tables look like. */
  readonly shape: string;
  readonly at: string;
  readonly serverVersion: string;
}

export const momentQuery: CompiledQuery<unknown> =
  sql`select json_build_object('shape', tenancy.shape(), 'serverVersion', current_setting('server_version'),
    'at', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text`.compile(build);

/** The answer to `momentQuery`, which comes next. */
export const readMoment = async (answers: Answers): Promise<Moment> => {
  const text = await nextText(answers);
  if (typeof text !== "string") throw new Error("The snapshot does not say when it was taken.");
  return JSON.parse(text) as Moment;
};

/** A table or column that the plan knows is not there any more. */
export const isOfAnotherShape = (error: unknown): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "string" && /^42...$/.test(error.code);
