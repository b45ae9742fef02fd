import { median, ratios } from "../compare.ts";
import type { LoadJob, LoadRequest } from "../load/job.ts";
import { load } from "../load/load.ts";
import { loadTenants } from "../load-tenants.ts";
import { type LoadedTurn, loadedTurn } from "../loaded-turn.ts";
import { startReferences } from "../reference/start-references.ts";
import { requireSameAnswers } from "../same-answers.ts";
import { type Bench, type Sample, section } from "../section.ts";
import { takeTurns } from "../take-turns.ts";
import { apiToken, liftLimits, logIn, unlimited } from "../users.ts";

const tenants = 100;
const customersEach = 100;
const page = 50;
const users = 16;

interface Candidate {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  /** Its own requests, where they are not those of the others. */
  readonly requests?: readonly LoadRequest[];
}

const sample = (own: readonly LoadedTurn[] = [], reference: readonly LoadedTurn[] = []): Sample => {
  const both = (pick: (turn: LoadedTurn) => number): string =>
    [own, reference].map((turns) => median(turns.map(pick)).toFixed(0)).join(" : ");
  const perSecond = (turns: readonly LoadedTurn[]): number[] => turns.map((turn) => turn.perSecond);
  return {
    values: ratios(perSecond(own), perSecond(reference)),
    detail: `${both((turn) => turn.perSecond)} requests/s; processor time a request, server ${both(
      (turn) => turn.serverMicroseconds,
    )} µs, PostgreSQL ${both((turn) => turn.postgresMicroseconds)} µs`,
  };
};

const measures = {
  list: { what: "list of 50 customers: requests/s : (a) bare Fastify + pg + JWT", must: 1, aim: 1.25 },
  listJson: { what: "list of 50 customers: requests/s : (a′) the same, JSON by PostgreSQL", must: 0.75, aim: 0.9 },
  listRls: { what: "list of 50 customers: requests/s : (b) the usual row-level security", must: 1.4, aim: 1.8 },
  get: { what: "one customer by id: requests/s : (a)", must: 0.8, aim: 1 },
  create: {
    what: "create a customer over 16 tenants: requests/s : (a) a bare INSERT",
    must: 0.6,
    aim: 0.8,
  },
  listPrepared: { what: "list of 50 customers: requests/s : (a) with prepared statements" },
  listToken: { what: "list of 50 customers, tctl_ tokens: requests/s : (a), its access tokens" },
} as const;

/** What tenants' requests cost, beside servers that do less. */
export const requests = section({
  name: "requests",
  measures: {
    list: { ...measures.list, unit: "×", better: "higher" },
    listJson: { ...measures.listJson, unit: "×", better: "higher" },
    listRls: { ...measures.listRls, unit: "×", better: "higher" },
    get: { ...measures.get, unit: "×", better: "higher" },
    create: { ...measures.create, unit: "×", better: "higher" },
    listPrepared: { ...measures.listPrepared, unit: "×", better: "higher", full: true },
    listToken: { ...measures.listToken, unit: "×", better: "higher", full: true },
  },
  about: ({ rounds, seconds }) =>
    `Requests: ${tenants} tenants with ${customersEach} customers each, 16 connections, 10 connections to PostgreSQL ` +
    `and one process a server, ${rounds} rounds of ${seconds} s each.`,
  run: async (bench: Bench) => {
    const system = await bench.start({ env: unlimited });
    await loadTenants(system, { name: "tenant", kind: "01", count: tenants, customers: customersEach });
    await liftLimits(system);
    const slugs = Array.from({ length: users }, (_, index) => `tenant-${index + 1}`);
    const loggedIn = await logIn(system, slugs);
    const references = await startReferences(system);
    bench.after(() => references.stop());
    const own: Candidate = { name: "tenantctl", url: system.url, pid: system.pids.api };
    const bare: Candidate = { name: "(a)", ...references.bare };
    const jsonByPostgres: Candidate = { name: "(a′)", ...references.jsonByPostgres };
    const usualRls: Candidate = { name: "(b)", ...references.usualRls };

    const compare = async (
      what: string,
      candidates: readonly Candidate[],
      job: Omit<LoadJob, "url" | "connections" | "seconds">,
    ): Promise<LoadedTurn[][]> => {
      const turn = (candidate: Candidate) => {
        const requests = candidate.requests ?? job.requests;
        return loadedTurn(candidate, system.pids.postmaster, { ...job, requests, seconds: bench.seconds });
      };
      // Nobody is measured while it compiles.
      for (const { url } of candidates) await load({ ...job, url, connections: 16, seconds: 1 });
      return takeTurns(
        candidates.map((candidate) => ({ name: candidate.name, run: () => turn(candidate) })),
        bench.rounds,
        (round, name, { perSecond, serverMicroseconds, postgresMicroseconds, p95 }) =>
          bench.log(
            `round ${round}: ${what}: ${name}: ${perSecond.toFixed(0)}/s, p95 ${p95.toFixed(1)} ms, ` +
              `${serverMicroseconds.toFixed(0)} + ${postgresMicroseconds.toFixed(0)} µs`,
          ),
      );
    };

    const list = loggedIn.map(({ token }) => ({ path: `/api/customers?limit=${page}`, token }));
    const lists = [own, bare, jsonByPostgres, usualRls];
    await requireSameAnswers(lists, list);
    if (bench.size === "full") {
      lists.push({ name: "(a) prepared", ...references.barePrepared });
      const requests = await Promise.all(
        list.map(async ({ path, token }) => ({ path, token: await apiToken(system, token) })),
      );
      lists.push({ ...own, name: "tenantctl, tctl_ tokens", requests });
    }
    const listed = await compare("list", lists, { requests: list });

    const ids = await system.sql(
      `select distinct on (c.tenant_id) t.slug, c.id from app.customers c join app.tenants t on t.id = c.tenant_id
        where t.slug = any ($1::text[]) order by c.tenant_id, c.id`,
      [slugs],
    );
    const get = loggedIn.map(({ slug, token }) => {
      const customer = ids.find((row) => row.slug === slug);
      return { path: `/api/customers/${String(customer?.id)}`, token };
    });
    await requireSameAnswers([own, bare], get);
    const got = await compare("get", [own, bare], { requests: get });

    const body = { name: "Bench Customer", email: "new@example.com", phone: "+1 555 0100", notes: "Likes “quotes”" };
    const create = loggedIn.map(({ token }) => ({ path: "/api/customers", token }));
    const created = await compare("create", [own, bare], { method: "POST", body, requests: create });
    return {
      list: sample(listed[0], listed[1]),
      listJson: sample(listed[0], listed[2]),
      listRls: sample(listed[0], listed[3]),
      get: sample(got[0], got[1]),
      create: sample(created[0], created[1]),
      ...(bench.size === "full"
        ? { listPrepared: sample(listed[0], listed[4]), listToken: sample(listed[5], listed[1]) }
        : {}),
    };
  },
});
