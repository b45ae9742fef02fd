import { setTimeout as pause } from "node:timers/promises";
import type { BenchSystem } from "../bench-system.ts";
import { postJson } from "../post-json.ts";
import type { LoadUser } from "../users.ts";
import { busy } from "./fill.ts";

/** Something that is done all the time, and should not cost more where there are more tenants. */
export interface Operation {
  /** As the table says it. */
  readonly what: string;
  /** How often it is done in a turn. */
  readonly times: number;
  /** What it may come to, at the most, in units of its cost with 100 tenants. Without: it grows, and the table says how. */
  readonly must?: number;
  readonly run: (system: BenchSystem, users: readonly LoadUser[]) => Promise<void>;
}

const get = async ({ url, token }: Pick<BenchSystem, "url" | "token">, path: string): Promise<unknown> => {
  const response = await fetch(new URL(path, url), { headers: { authorization: `Bearer ${token}` } });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
};

const repeat = async (times: number, work: () => Promise<unknown>): Promise<void> => {
  for (let time = 0; time < times; time += 1) await work();
};

const evaluations = 3;
const creates = 150;
const looks = 20;
const searches = 60;
/** Until what was counted in memory is written: twice the interval, which is a second. */
const flushedMs = 2000;

const firstOf = ([user]: readonly LoadUser[]): LoadUser => {
  if (user === undefined) throw new Error("nobody is logged in");
  return user;
};

/** With which no other slug begins. */
const longestSlug = (users: readonly LoadUser[]): string =>
  users.map(({ slug }) => slug).reduce((longest, slug) => (slug.length > longest.length ? slug : longest));

export const operations = {
  alerts: {
    what: "one evaluation of all alert rules",
    times: evaluations,
    run: async (system) => {
      const rules = (await get(system, "/api/admin/alert-rules")) as readonly { name: string; enabled: boolean }[];
      await repeat(evaluations, async () => {
        for (const { name, enabled } of rules) if (enabled) await get(system, `/api/admin/alert-rules/${name}/test`);
      });
    },
  },
  quotaAlerts: {
    what: "the quota rules of it",
    times: looks,
    must: 2,
    run: (system) =>
      repeat(looks, async () => {
        for (const rule of ["quota_near", "quota_reached", "quota_drift"])
          await get(system, `/api/admin/alert-rules/${rule}/test`);
      }),
  },
  create: {
    what: "a customer created, its quotas checked",
    times: creates,
    must: 2,
    run: (system, users) =>
      repeat(creates, () => postJson(`${system.url}/api/customers`, { name: "Somebody" }, firstOf(users).token)),
  },
  status: {
    what: `a look at the status, of ${looks} in a row`,
    times: looks,
    run: (system) => repeat(looks, () => get(system, "/api/admin/status")),
  },
  search: {
    what: "a search for a tenant, of three kinds (all begin so, one, none)",
    times: searches,
    must: 2,
    run: (system, users) =>
      repeat(searches / 3, async () => {
        for (const text of ["tenant ", longestSlug(users), "there-is-none"])
          await get(system, `/api/admin/tenants?limit=50&search=${encodeURIComponent(text)}`);
      }),
  },
  retention: {
    what: "the daily retention of the audit log, nothing being due",
    times: looks,
    must: 2,
    run: (system) => repeat(looks, () => get(system, "/api/admin/audit/retention?months=12")),
  },
  flush: {
    what: `requests of ${busy} tenants, and metrics, counts and access log of them written`,
    times: busy,
    must: 2,
    run: async (system, users) => {
      for (const { token } of users) await get({ url: system.url, token }, "/api/customers?limit=1");
      await pause(flushedMs);
    },
  },
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof operations;
