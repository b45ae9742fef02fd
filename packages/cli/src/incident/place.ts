import { ContractError, pathOf, routes, timeLimit, UnreachableError } from "@tenantctl/contract";
import type { Invocation } from "../invocation.ts";
import { failureOf } from "../report-error.ts";
import { type Api, createApi } from "../session/api.ts";
import { databaseSettings } from "../start/server-settings.ts";

/** Where an incident is worked on: through the API; without it straight on the database; without either in a file. */
export interface Place {
  readonly kind: "api" | "database" | "file";
  /** The same routes through the API and, within this process, on the database. */
  readonly api: Api | undefined;
  /** Why not the API, and why not the database. */
  readonly why: readonly string[];
  close(): Promise<void>;
}

/** Milliseconds that the API may take to say that it is ready. */
const patienceMs = 4000;

const whatIsWrong = async (url: string): Promise<string | undefined> => {
  const { path } = routes["health.ready"];
  try {
    const response = await fetch(new URL(pathOf(path), url), {
      redirect: "error",
      signal: timeLimit(patienceMs),
    });
    await response.body?.cancel();
    return response.ok ? undefined : `the API at ${url} is not ready (${response.status})`;
  } catch (cause) {
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const said = reason instanceof Error ? reason.message || reason.name : String(reason);
    return `the API at ${url} does not answer: ${said}`;
  }
};

const onDatabase = async (invocation: Invocation, remote: Api) => {
  const configured = await databaseSettings(invocation);
  const { openLocalApi } = await import("@tenantctl/server");
  const local = await openLocalApi(configured);
  // Whose requests they are is settled by who runs this process.
  const target = { ...remote.target, url: "http://localhost", envToken: "local", context: undefined, named: false };
  return { api: createApi(target, invocation.out.note, local.fetch), close: local.close };
};

const nothingToClose = async (): Promise<void> => undefined;

/** The best place there is now. Never throws for what is down; says on stderr where it works and why. */
export const openPlace = async (invocation: Invocation): Promise<Place> => {
  const { out, settings } = invocation;
  const remote = await invocation.api();
  const { env } = settings;
  const hasDatabase = Boolean(env.DATABASE_URL || env.DATABASE_URL_FILE);
  const down =
    remote.login === "none" && hasDatabase ? "nobody is logged in to the API" : await whatIsWrong(remote.target.url);
  if (down === undefined) return { kind: "api", api: remote, why: [], close: nothingToClose };
  if (hasDatabase) {
    try {
      const { api, close } = await onDatabase(invocation, remote);
      out.note(down);
      out.note("working straight on the database");
      return { kind: "database", api, why: [down], close };
    } catch (error) {
      const { detail } = failureOf(error);
      out.note(down);
      out.note(`nor is the database there: ${detail.split("\n", 1)[0]}`);
      return { kind: "file", api: undefined, why: [down, `the database: ${detail}`], close: nothingToClose };
    }
  }
  out.note(down);
  out.note("DATABASE_URL is not set: this is kept in a file");
  out.note("bring it in later with: tenantctl incident import");
  return { kind: "file", api: undefined, why: [down, "DATABASE_URL is not set"], close: nothingToClose };
};

/** Whether it was the way there that failed, and not the step. */
export const isOutOfReach = (error: unknown): boolean =>
  error instanceof UnreachableError ||
  (error instanceof ContractError &&
    ["database_unavailable", "draining", "overloaded", "timeout", "internal"].includes(error.code));
