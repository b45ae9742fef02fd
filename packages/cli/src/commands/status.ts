import { ContractError, exitCodes, type ResultOf, type Routes, UnreachableError } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import { defineCommands } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { statusText } from "../output/status-screen.ts";
import type { Target } from "../session/target.ts";

type Status = ResultOf<Routes["status.get"]>;
type Health = ResultOf<Routes["health.get"]>;

/** Health needs no login; unwell, it comes with 503 and the same body. */
const healthOf = async (target: Target): Promise<{ health: Health; text: string }> => {
  const response = await fetch(new URL("/api/health", target.url), {
    redirect: "error",
    signal: AbortSignal.timeout(10_000),
  }).catch((cause: unknown) => {
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    throw new CliError(
      "unreachable",
      exitCodes.unreachable,
      `${target.url} does not answer: ${reason instanceof Error ? reason.message || reason.name : String(reason)}`,
      "Start it with `npx -y pnpm@12 start`, or say where it is: --api-url, TENANTCTL_API_URL, `tenantctl context use`.",
    );
  });
  const text = await response.text();
  try {
    const health: Health = JSON.parse(text);
    if (typeof health.status === "string" && typeof health.database === "object") return { health, text };
  } catch {
    // Whatever answered is something else; said below.
  }
  throw new CliError(
    "unreachable",
    exitCodes.unreachable,
    `${target.url} answered ${response.status}, and not as a tenantctl API does`,
    "Check the address, and that no proxy answers in its place.",
  );
};

const needsPerson = (status: Status): boolean =>
  status.health.status !== "ok" ||
  status.alerts.some(({ severity, status: state }) => severity === "critical" && state !== "resolved");

const showHealth = async ({ out }: Invocation, target: Target, note: string): Promise<number> => {
  const { health, text } = await healthOf(target);
  await out.record(text, { cells: [{ key: "status", as: "status" }], properties: Object.keys(health) });
  out.note(note);
  return health.status === "ok" ? exitCodes.done : exitCodes.problemFound;
};

const run = async (invocation: Invocation): Promise<number> => {
  const { out, settings } = invocation;
  const api = await invocation.api();
  const { target } = api;
  const login = `tenantctl login${target.contextName === "default" ? "" : ` --context ${target.contextName}`}`;
  if (api.login === "none")
    return showHealth(invocation, target, `not logged in, so this is only the public part. Next: ${login}`);
  try {
    const { text } = await api.text("status.get");
    const status: Status = JSON.parse(text);
    if (settings.output === "table") out.text(statusText(status, target.url, await out.paint("stdout"), out.width));
    else await out.record(text, { cells: [], properties: Object.keys(status) });
    return needsPerson(status) ? exitCodes.problemFound : exitCodes.done;
  } catch (error) {
    if (error instanceof UnreachableError) return showHealth(invocation, target, error.message);
    const denied = error instanceof ContractError && (error.code === "forbidden" || error.code === "scope_missing");
    const ended = error instanceof CliError && error.exit === exitCodes.denied;
    const refused =
      error instanceof ContractError && (error.code === "session_ended" || error.code === "token_invalid");
    if (denied) return showHealth(invocation, target, "this login may see only the public part.");
    if (ended || refused)
      return showHealth(invocation, target, `${error.message}, so this is only the public part. Next: ${login}`);
    // The rest of an unwell system fails too; its health says why.
    if (error instanceof ContractError && /^(database_unavailable|overloaded|draining|timeout)$/.test(error.code))
      return showHealth(invocation, target, error.message);
    throw error;
  }
};

export const commands = defineCommands([
  {
    path: ["status"],
    route: "status.get",
    covers: ["health.get"],
    description:
      "Exit 10 when something needs a person: health that is not ok, or an unresolved critical alert. Without a login it shows health alone.",
    run,
    examples: ["status", "status -o json", "status || echo 'somebody should look'"],
  },
]);
