import { execFile } from "node:child_process";
import { pathOf, type ResultOf, type Routes, routes, timeLimit } from "@tenantctl/contract";
import { failureOf } from "../../report-error.ts";
import { notOver, over, plural, type Step, shortened } from "../step.ts";

const patienceMs = 5000;

const asked = async (url: string, id: "health.live" | "health.ready"): Promise<{ ok: boolean; says: string }> => {
  const begun = performance.now();
  try {
    const response = await fetch(new URL(pathOf(routes[id].path), url), {
      redirect: "error",
      signal: timeLimit(patienceMs),
    });
    const body = (await response.text()).slice(0, 300);
    return { ok: response.ok, says: `${response.status} in ${Math.round(performance.now() - begun)} ms ${body}` };
  } catch (cause) {
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    return { ok: false, says: reason instanceof Error ? reason.message || reason.name : String(reason) };
  }
};

/** The API itself is asked, whatever place this is worked from. */
export const server: Step = async ({ invocation }) => {
  const { url } = (await invocation.api()).target;
  const [live, ready] = await Promise.all([asked(url, "health.live"), asked(url, "health.ready")]);
  const evidence = [`${url}`, `live: ${live.says}`, `ready: ${ready.says}`];
  if (live.ok && ready.ok) return over({ result: "ok", evidence, next: null });
  return over({
    result: "problem",
    evidence: [live.ok ? "the API lives, and is not ready" : "the API does not answer", ...evidence],
    next: live.ok
      ? "look at the database: tenantctl incident step ID database"
      : "restart it: tenantctl incident step ID restart",
  });
};

const worst = ["ok", "needs_person", "warning", "problem"] as const;

/** The database through the API's eyes, or straight from here. */
export const database: Step = async ({ api, place }) => {
  if (api === undefined)
    return over({
      result: "problem",
      evidence: ["the database can't be looked at from here", ...place.why],
      next: 'pg_isready -d "$DATABASE_URL"; its own log says why; then: tenantctl incident step ID database --again',
    });
  const begun = performance.now();
  try {
    const items = await api.call("incidents.system", {});
    const result = worst.findLast((level) => items.some((item) => item.result === level)) ?? "ok";
    return over({
      result,
      evidence: [
        `it answers, ${place.kind === "database" ? "asked directly" : "through the API"}: ${Math.round(performance.now() - begun)} ms`,
        ...items.flatMap(({ title, evidence }) => evidence.map((line) => `${title}: ${line}`)),
      ],
      next: items.find((item) => item.result === result)?.next ?? null,
    });
  } catch (error) {
    const { detail, hint } = failureOf(error);
    return over({ result: "problem", evidence: [detail], next: hint });
  }
};

type Group = ResultOf<Routes["errors.list"]>[number];

const day = 86_400_000;

export const errors: Step = async (context) => {
  const { api, place } = context;
  if (api === undefined)
    return over({
      result: "needs_person",
      evidence: ["error groups are in the database, which is not there", ...place.why],
      next: "read the API's own log: journalctl -u tenantctl --since -1h, or docker logs",
    });
  const since = new Date(Date.now() - day).toISOString();
  const groups = await api.call("errors.list", { query: { since, limit: 20 } });
  if (groups.length === 0)
    return over({ result: "ok", evidence: ["none within a day that is not resolved"], next: null });
  const line = ({ lastSeenAt, occurrences, code, route, error, message, fingerprint }: Group): string =>
    `${lastSeenAt} ${plural(occurrences, "time")} ${code} in ${route}: ${error} ${message} (${fingerprint})`;
  return over({
    result: "warning",
    evidence: [`${plural(groups.length, "kind")} of error within a day`, ...shortened(groups.map(line))],
    next: `tenantctl logs errors show ${groups[0]?.fingerprint}`,
  });
};

const byHand = [
  "as a service: systemctl restart tenantctl",
  "with Docker: docker compose restart api",
  "in a terminal: tenantctl serve (or npx -y pnpm@12 start)",
  "PostgreSQL: systemctl restart postgresql; only when nobody waits for its recovery",
];

/** Seconds that a hook may take. */
const hookSeconds = 120;

interface HookEnd {
  readonly code: number | string;
  readonly output: string;
}

const runHook = (hook: string, env: NodeJS.ProcessEnv): Promise<HookEnd> =>
  new Promise((resolve) => {
    execFile(
      hook,
      [],
      { env, timeout: hookSeconds * 1000, killSignal: "SIGKILL", maxBuffer: 1024 * 1024 },
      (error, stdout, stderr) => {
        const output = `${stdout}${stderr}`.trim();
        if (error === null) return resolve({ code: 0, output });
        resolve({ code: error.killed ? `no end within ${hookSeconds} s` : (error.code ?? error.signal ?? 1), output });
      },
    );
  });

/** Only when somebody said so; the program is the operator's own. */
export const restart: Step = async ({ invocation }) => {
  const { env } = invocation.settings;
  const hook = env.TENANTCTL_RESTART_HOOK;
  const { url } = (await invocation.api()).target;
  if (!hook)
    return over({
      result: "needs_person",
      evidence: ["TENANTCTL_RESTART_HOOK is not set: nothing was restarted", ...byHand],
      next: "tenantctl incident step ID restart --done 'restarted by hand'",
    });
  const { code, output } = await runHook(hook, env);
  const said = output === "" ? [] : output.split("\n").slice(-20);
  if (code !== 0)
    return notOver({ result: "problem", evidence: [`${hook}: ${code}`, ...said], next: `run it by hand: ${hook}` });
  // What was restarted takes a moment to be ready.
  const deadline = Date.now() + 60_000;
  let ready = await asked(url, "health.ready");
  while (!ready.ok && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    ready = await asked(url, "health.ready");
  }
  return over({
    result: ready.ok ? "ok" : "problem",
    evidence: [`${hook}: done`, ...said, `ready: ${ready.says}`],
    next: ready.ok ? null : "tenantctl incident step ID server --again",
  });
};
