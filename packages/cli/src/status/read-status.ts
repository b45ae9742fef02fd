import { ContractError, exitCodes, timeLimit, UnreachableError } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import type { Api } from "../session/api.ts";
import { askPlainly } from "../session/ask-plainly.ts";
import type { Health, Reading, Status } from "./known.ts";

const startIt = "Start it with `npx -y pnpm@12 start`, or say where it is with --api-url.";

const reasonOf = (cause: unknown): string => {
  const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return reason instanceof Error ? reason.message || reason.name : String(reason);
};

const nothing = (why: string, next: string): Reading => ({
  kind: "nothing",
  why,
  next,
  error: new CliError("unreachable", exitCodes.unreachable, why, next),
});

/** Health needs no login; unwell, it comes with 503 and the same body. */
const readHealth = async (
  url: string,
  signal: AbortSignal,
  { why, next, refused = false }: { readonly why: string; readonly next?: string; readonly refused?: boolean },
): Promise<Reading> => {
  let text: string;
  let code: number;
  try {
    const asked = { method: "GET", headers: { accept: "application/json" }, redirect: "error", signal } as const;
    const response = await askPlainly(new URL("/api/health", url), asked);
    code = response.status;
    text = await response.text();
  } catch (cause) {
    return nothing(`${url} does not answer: ${signal.aborted ? "it took too long" : reasonOf(cause)}`, startIt);
  }
  try {
    const health: Health = JSON.parse(text);
    if (typeof health.status === "string" && typeof health.database === "object")
      return { kind: "health", health, why, next, refused };
  } catch {
    // Whatever answered is something else; said below.
  }
  return nothing(
    `${url} answered ${code}, and not as a tenantctl API does`,
    "Check the address, and that no proxy answers in its place.",
  );
};

const unwell = /^(database_unavailable|overloaded|draining|timeout)$/;

/** Asks, `patienceMs` long in all. Throws only what is no matter of the system's state. */
export const readStatus = async (api: Api, patienceMs: number): Promise<Reading> => {
  const { url, contextName } = api.target;
  const login = `tenantctl login${contextName === "default" ? "" : ` --context ${contextName}`}`;
  const signal = timeLimit(patienceMs);
  const health = (more: Parameters<typeof readHealth>[2]): Promise<Reading> => readHealth(url, signal, more);
  const refused = (why: string, next = login): Promise<Reading> =>
    health({ why: `${why}, so this is only the public part`, next, refused: true });
  if (api.login === "none") return health({ why: "not logged in, so this is only the public part", next: login });
  try {
    const { text } = await api.text("status.get", {}, { signal });
    const status: Status = JSON.parse(text);
    return { kind: "status", status, text };
  } catch (error) {
    if (error instanceof UnreachableError) return health({ why: error.message });
    if (error instanceof ContractError) {
      if (error.code === "forbidden" || error.code === "scope_missing")
        return refused("this login may not see the rest", "log in as an operator, or use a token with monitor:read");
      if (error.code === "session_ended" || error.code === "token_invalid") return refused(error.message);
      // The rest of an unwell system fails too; its health says why.
      if (unwell.test(error.code)) return health({ why: error.message });
    }
    if (error instanceof CliError && error.exit === exitCodes.denied) return refused(error.message);
    throw error;
  }
};
