import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { evaluateAlerts } from "../src/alerts/evaluate.ts";
import { watchHost } from "../src/alerts/host-readings.ts";
import { checkRedis } from "../src/quotas/check-redis.ts";
import { freePort } from "./fixture/free-port.ts";
import { parseExposition } from "./fixture/prometheus.ts";
import { createRedis, type TestRedis, withoutRedis } from "./fixture/redis.ts";
import { type Served, type Serving, servedBeside } from "./fixture/served.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

const limit = 40;
const ofOneUser = limit / 2;

describe.skipIf(withoutRedis !== "")(`limits that processes share through Redis${withoutRedis}`, () => {
  let server: TestServer;
  let served: Served;
  let redis: TestRedis;
  let dir: string;
  beforeAll(async () => {
    server = await startTestServer();
    served = servedBeside(() => server);
    await server.request("PUT", "/api/admin/plans/limited", {
      token: await server.operatorToken(),
      body: { requestsPerMinute: limit },
    });
    redis = await createRedis();
    await redis.start();
    dir = mkdtempSync(join(tmpdir(), "tenantctl-redis-"));
  });
  afterEach(() => served.end());
  afterAll(async () => {
    await redis.stop();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const provision = () => server.provision({ plan: "limited" });
  const serve = (url: string, env: NodeJS.ProcessEnv = {}): Promise<Serving> => {
    const file = join(dir, "redis-url");
    writeFileSync(file, `${url}\n`, { mode: 0o600 });
    return served.serve({
      REDIS_URL_FILE: file,
      TENANTCTL_METRICS_PORT: "0",
      TENANTCTL_REQUESTS_PER_MINUTE: String(limit),
      TENANTCTL_JOBS: "false",
      ...env,
    });
  };
  const login = async ({ url }: Serving, { admin }: Provisioned): Promise<string> => {
    const answer = await fetch(`${url}/api/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(admin),
    });
    return ((await answer.json()) as { accessToken: string }).accessToken;
  };
  /** How many of so many requests, sent to these in turn, were served; all others were refused by a limit. */
  const servedOf = async (requests: number, token: string, ...processes: readonly Serving[]): Promise<number> => {
    let count = 0;
    for (let n = 0; n < requests; n += 1) {
      const url = processes[n % processes.length]?.url;
      const answer = await fetch(`${url}/api/customers`, { headers: { authorization: `Bearer ${token}` } });
      const body = (await answer.json()) as { code?: string };
      if (answer.status === 200) count += 1;
      else expect([answer.status, body.code]).toEqual([429, "rate_limited"]);
    }
    return count;
  };
  const gauge = async ({ metricsUrl }: Serving, name: string): Promise<number | undefined> =>
    parseExposition(await (await fetch(metricsUrl ?? "")).text()).value(name);
  const counting = (process: Serving, together: boolean) =>
    until(
      together ? "Redis" : "counting alone",
      async () => (await gauge(process, "tenantctl_redis_up")) === Number(together),
    );

  it("lets one user send as much through two processes as through one", async () => {
    const [one, two] = [await serve(redis.url), await serve(redis.url)];
    const token = await login(one, await provision());
    expect(await servedOf(30, token, one, two)).toBe(ofOneUser);
    const refused = await fetch(`${two.url}/api/customers`, { headers: { authorization: `Bearer ${token}` } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(refused.headers.get("ratelimit-limit")).toBe(String(ofOneUser));
  });

  it("keeps counters for a minute, under the installation's own name, and no person's", async () => {
    const tenant = await provision();
    const one = await serve(redis.url);
    await servedOf(2, await login(one, tenant), one);
    const client = new Redis(redis.url);
    try {
      const keys = await client.keys("*");
      expect(keys.length).toBeGreaterThan(2);
      expect(keys.join("\n")).toContain(tenant.id);
      expect(keys.join("\n")).not.toContain("@");
      expect(new Set(keys.map((key) => /^tenantctl:[0-9a-f]{16}:/.exec(key)?.[0])).size).toBe(1);
      for (const key of keys) {
        const left = await client.pttl(key);
        expect(left === -2 || (left > 0 && left <= 60_000), `${key} ${left}`).toBe(true);
      }
    } finally {
      client.disconnect();
    }
  });

  it("goes on counting alone, from where each process was, while Redis is away; and together once it is back", async () => {
    const [one, two] = [await serve(redis.url), await serve(redis.url)];
    const token = await login(one, await provision());
    expect(await servedOf(8, token, one)).toBe(8);
    await redis.stop();
    expect(await servedOf(30, token, one)).toBe(ofOneUser - 8);
    expect(await servedOf(30, token, two)).toBe(ofOneUser);
    for (const process of [one, two]) await counting(process, false);
    expect(await gauge(one, "tenantctl_rate_limits_counted_alone_total")).toBeGreaterThanOrEqual(25);

    await redis.start();
    for (const process of [one, two]) await counting(process, true);
    expect(await servedOf(50, await login(one, await provision()), one, two)).toBe(ofOneUser);
    for (const process of [one, two]) {
      expect(process.log().match(/shared rate limits \(Redis\): failed/g)).toHaveLength(1);
      expect(process.log()).toMatch(/shared rate limits \(Redis\): works again/);
    }
  });

  it("does not wait for a Redis that hangs", async () => {
    const one = await serve(redis.url);
    const token = await login(one, await provision());
    redis.signal("SIGSTOP");
    expect(await servedOf(30, token, one)).toBe(ofOneUser);
    await counting(one, false);
    redis.signal("SIGCONT");
    await counting(one, true);
  });

  it("serves with a wrong password, says so, and never says the password", async () => {
    const one = await serve(redis.url.replace("password", "wrong-one"), { TENANTCTL_LOG_LEVEL: "debug" });
    const token = await login(one, await provision());
    expect(await servedOf(30, token, one)).toBe(ofOneUser);
    expect(await gauge(one, "tenantctl_redis_up")).toBe(0);
    const checked = await checkRedis(redis.url.replace("password", "wrong-one"));
    expect(checked).toEqual({ place: new URL(redis.url).host, problem: expect.stringContaining("WRONGPASS") });
    expect(await checkRedis(redis.url)).toMatchObject({ problem: null });
    expect(one.log()).toContain("WRONGPASS");
    await one.kill("SIGTERM");
    expect(one.log()).toContain("stopped");
    expect(decodeURIComponent(one.log())).not.toContain("wrong-one");
    expect(
      await server.asOwner("select from app.error_groups where to_jsonb(error_groups)::text like '%wrong-one%'"),
    ).toEqual([]);
  });

  it("speaks TLS to a Redis whose certificate it can check, and to no other", async () => {
    const [cert, key] = [join(dir, "redis.crt"), join(dir, "redis.key")];
    // biome-ignore format: one command line
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
      "-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], { stdio: "ignore" });
    const secure = await createRedis({ cert, key });
    await secure.start();
    try {
      const [one, two] = [
        await serve(secure.url, { NODE_EXTRA_CA_CERTS: cert }),
        await serve(secure.url, { NODE_EXTRA_CA_CERTS: cert }),
      ];
      expect(await servedOf(30, await login(one, await provision()), one, two)).toBe(ofOneUser);
      const doubting = await serve(secure.url);
      expect(await gauge(doubting, "tenantctl_redis_up")).toBe(0);
      expect(doubting.log()).toMatch(/self-signed certificate/);
    } finally {
      await secure.stop();
    }
  });

  it("is an alert once Redis has been away for a while", async () => {
    const token = await server.operatorToken();
    const rule = async () => (await server.request("GET", "/api/admin/alert-rules/redis", { token })).body;
    await watchHost(server.app).now();
    await evaluateAlerts(server.app.db);
    expect(await rule()).toMatchObject({
      state: "unavailable",
      problem: expect.stringContaining("REDIS_URL is not set"),
    });

    const nobody = `redis://127.0.0.1:${await freePort()}`;
    const other = await startTestServer({
      database: { ...server.database, drop: async () => {} },
      settings: { redisUrl: nobody },
    });
    try {
      await until("a second without Redis", () => (other.app.limits.shared?.awayMs ?? 0) > 1000);
      await watchHost(other.app).now();
      await server.asOwner("update app.alert_rules set threshold = 1 where name = 'redis'");
      await evaluateAlerts(server.app.db);
      const { body } = await server.request("GET", "/api/admin/alerts?rule=redis", { token });
      expect(body).toMatchObject([
        { severity: "warning", next: expect.stringMatching(/^redis-cli -h 127\.0\.0\.1 -p \d+ ping$/) },
      ]);
    } finally {
      await other.stop();
    }
  });
});
