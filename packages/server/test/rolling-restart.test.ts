import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { freePort } from "./fixture/free-port.ts";
import { type Balancer, balance, withoutHaproxy } from "./fixture/haproxy.ts";
import { type Served, type Serving, servedBeside } from "./fixture/served.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

const places = ["one", "two", "three"] as const;
const tenantCount = 4;

describe.skipIf(withoutHaproxy !== "")(`three processes behind HAProxy${withoutHaproxy}`, () => {
  let server: TestServer;
  let served: Served;
  let balancer: Balancer;
  let ports: [number, number, number];
  let tenants: { readonly tenant: Provisioned; readonly token: string }[];
  const processes = new Map<(typeof places)[number], Serving>();
  const ended: Serving[] = [];

  const serveAt = async (index: number, place: (typeof places)[number]): Promise<void> => {
    const env = {
      PORT: String(ports[index]),
      TENANTCTL_DRAIN_DELAY_SECONDS: "3",
      TENANTCTL_TRUST_PROXY: "127.0.0.1",
      TENANTCTL_LOG_LEVEL: "debug",
      TENANTCTL_POOL_SIZE: "4",
      // A machine that runs several tests at once is no reason to turn requests away.
      TENANTCTL_OVERLOAD_DELAY_MS: "3600000",
    };
    processes.set(place, await served.serve(env));
  };

  beforeAll(async () => {
    server = await startTestServer();
    served = servedBeside(() => server);
    ports = [await freePort(), await freePort(), await freePort()];
    balancer = await balance(ports);
    await Promise.all(places.map((place, index) => serveAt(index, place)));
    // Until it has looked, HAProxy takes every process for well.
    await until("all three", () => places.every((place) => balancer.seen(place, "UP") >= balancer.seen(place, "DOWN")));
    const provisioned = await Promise.all(Array.from({ length: tenantCount }, () => server.provision()));
    tenants = await Promise.all(
      provisioned.map(async (tenant) => {
        const answer = await fetch(`${balancer.url}/api/auth/login`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(tenant.admin),
        });
        return { tenant, token: ((await answer.json()) as { accessToken: string }).accessToken };
      }),
    );
  });
  afterAll(async () => {
    await served.end();
    await balancer.stop();
    await server.stop();
  });

  const requestsOf = ({ log }: Serving): number => log().split('"route":"/api/customers"').length - 1;
  const queued = () =>
    withClient(server.app.db.jobsUrl, async (client) => {
      const { rows } = await client.query(
        "select count(*)::int as count from graphile_worker.jobs where task_identifier = 'evaluate_alerts'",
      );
      return rows[0].count as number;
    });

  it("loses no request, doubles none, and runs each job once, while each process is restarted under load", {
    timeout: 360_000,
  }, async () => {
    const failures: string[] = [];
    const created = new Map<string, number>();
    let over = false;
    const call = async (what: string, path: string, token: string, body?: object): Promise<Response | undefined> => {
      try {
        const answer = await fetch(`${balancer.url}${path}`, {
          method: body === undefined ? "GET" : "POST",
          headers: { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) },
          ...(body && { body: JSON.stringify(body) }),
        });
        const text = await answer.text();
        if (!answer.ok) failures.push(`${what}: ${answer.status} ${text}`);
        return answer;
      } catch (error) {
        failures.push(`${what}: ${error instanceof Error ? `${error.message} ${error.cause}` : error}`);
        return undefined;
      }
    };
    const read = async ({ token }: { token: string }): Promise<void> => {
      while (!over) await call("read", "/api/customers?limit=5", token);
    };
    const write = async ({ tenant, token }: (typeof tenants)[number]): Promise<void> => {
      while (!over) {
        const body = { name: "Somebody", email: `${randomUUID()}@example.com` };
        created.set(tenant.id, (created.get(tenant.id) ?? 0) + 1);
        await call("create", "/api/customers", token, body);
      }
    };
    const load = [...tenants.map(read), ...tenants.map(write)];

    let jobs = 0;
    const askForJobs = async (): Promise<void> => {
      for (let n = 0; n < 3; n += 1, jobs += 1) {
        await withClient(server.app.db.jobsUrl, (client) =>
          client.query("select graphile_worker.add_job('evaluate_alerts')"),
        );
      }
    };
    await askForJobs();
    for (const [index, place] of places.entries()) {
      const before = balancer.seen(place, "UP");
      const process = processes.get(place);
      if (process === undefined) throw new Error(`nobody is at ${place}`);
      await until(`requests at ${place}`, () => requestsOf(process) > 0);
      ended.push(process);
      await process.kill("SIGTERM");
      expect(process.log()).toContain("stopped");
      await askForJobs();
      await serveAt(index, place);
      await until(`HAProxy to send to ${place} again`, () => balancer.seen(place, "UP") > before);
      const anew = processes.get(place);
      await until(`requests at ${place} again`, () => anew !== undefined && requestsOf(anew) > 0);
    }
    over = true;
    await Promise.all(load);

    expect(failures).toEqual([]);
    for (const { tenant } of tenants) {
      const [row] = await server.asOwner("select count(*)::int as count from app.customers where tenant_id = $1", [
        tenant.id,
      ]);
      expect(row.count).toBe(created.get(tenant.id));
      expect(row.count).toBeGreaterThan(10);
    }

    await until("the jobs", async () => (await queued()) === 0, 90);
    const done = [...ended, ...processes.values()].flatMap(({ log }) =>
      [...log().matchAll(/Completed task (\d+) \(evaluate_alerts/g)].map(([, id]) => id),
    );
    expect(new Set(done).size).toBe(done.length);
    expect(done.length).toBeGreaterThanOrEqual(jobs);
  });
});
