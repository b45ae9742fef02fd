import { describe, expect, it } from "vitest";
import { isUtf8, sparkline } from "../src/output/sparkline.ts";
import { openShell, plain, type Shell } from "./fake-shell.ts";

const totals = (requests: number) => ({
  requests,
  errors: requests === 0 ? 0 : 3,
  clientErrors: 7,
  bytesSent: requests * 1000,
  latencyP50Ms: requests === 0 ? null : 12.5,
  latencyP95Ms: requests === 0 ? null : 40 + requests / 100,
});

const answer = (heaviest: boolean) => ({
  tenantId: heaviest ? null : "01890000-0000-7000-8000-000000000001",
  since: "2025-12-01T00:00:00.000Z",
  until: "2025-12-02T00:00:00.000Z",
  stepMinutes: 60,
  totals: { ...totals(1_234_567), latencyP95Ms: 4321 },
  points: Array.from({ length: 24 }, (_, hour) => ({
    at: new Date(Date.UTC(2025, 11, 1, hour)).toISOString(),
    ...totals(hour < 6 ? 0 : hour * 4000),
  })),
  rows: heaviest ? null : 41_000,
  bytes: heaviest ? null : 12_000_000,
  heaviest: heaviest
    ? Array.from({ length: 10 }, (_, index) => ({
        tenantId: "01890000-0000-7000-8000-000000000001",
        slug: `${"a-rather-long-name-of-a-tenant-".repeat(2)}${index}`,
        ...totals(900_000),
      }))
    : [],
});

const topRow = {
  tenantId: "01890000-0000-7000-8000-000000000001",
  slug: "acme",
  status: "active",
  share: 81.5,
  ...totals(5000),
  busySeconds: 812.4,
  rows: 41_000,
  rowsCountedAt: "2025-12-01T00:00:00.000Z",
  bytesStored: 12_000_000,
};

const withMetrics = async (): Promise<Shell> => {
  const shell = await openShell();
  await shell.login();
  shell.api.on("GET /api/admin/metrics", ({ url }) => ({ body: answer(!url.searchParams.has("tenantId")) }));
  shell.api.on("GET /api/admin/metrics/top", () => ({ body: [topRow, { ...topRow, slug: "globex", rows: null }] }));
  return shell;
};

const shownIn = async (shell: Shell, args: readonly string[], columns: number, env: NodeJS.ProcessEnv = {}) => {
  const { code, stdout } = await shell.terminal(args, columns, { LC_ALL: "C.UTF-8", ...env }).exit;
  expect(code).toBe(0);
  return plain(stdout);
};

describe("a sparkline", () => {
  it("goes from 0 to the greatest, with a blank where there is no value", () => {
    expect(sparkline([0, null, 5, 10], 10, true)).toBe("▁ ▅█");
    expect(sparkline([0, 0, 0], 10, true)).toBe("▁▁▁");
    expect(sparkline([], 10, true)).toBe("");
  });

  it("lets neighbours share a letter where there are more values than letters, and loses no peak", () => {
    const values = Array.from({ length: 400 }, (_, index) => (index === 333 ? 100 : 1));
    const line = sparkline(values, 30, true);
    expect([...line].length).toBeLessThanOrEqual(30);
    expect(line).toContain("█");
  });

  it("is plain ASCII where the terminal is not UTF-8", () => {
    expect(sparkline([0, 5, 10], 10, false)).toMatch(/^[\x20-\x7e]{3}$/);
    expect(isUtf8({ LANG: "de_DE.UTF-8" })).toBe(true);
    expect(isUtf8({ LANG: "de_DE.UTF-8", LC_ALL: "C" })).toBe(false);
    expect(isUtf8({})).toBe(false);
  });
});

describe("metrics", () => {
  it.each([80, 60])("fits %i columns and 24 lines, for a tenant and for the system", async (columns) => {
    const shell = await withMetrics();
    for (const args of [["metrics", "acme"], ["metrics"]]) {
      const text = await shownIn(shell, args, columns);
      const lines = text.trimEnd().split("\n");
      expect(lines.length).toBeLessThanOrEqual(24);
      for (const line of lines) expect([...line].length, line).toBeLessThanOrEqual(columns);
      expect(text).toMatch(/requests +1,234,567 +[▁▂▃▄▅▆▇█]+ +most 92,000/);
      expect(text).toMatch(/p95 +4\.3 s/);
    }
  });

  it("is plain ASCII on a terminal that is not UTF-8", async () => {
    const shell = await withMetrics();
    const text = await shownIn(shell, ["metrics", "acme"], 80, { LC_ALL: "C" });
    expect(text).toMatch(/requests +1,234,567 +[_.=+*#@-]+ +most/);
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
  });

  it("has every step and no sparkline in a pipe, and is the API's answer as JSON", async () => {
    const shell = await withMetrics();
    const piped = await shell.run(["metrics", "acme"]);
    expect(piped.stdout).toContain("2025-12-01 23:00:00");
    expect(piped.stdout).not.toMatch(/[▁█]/);
    expect(JSON.parse((await shell.run(["metrics", "acme", "-o", "json"])).stdout)).toEqual(answer(false));
  });

  it("takes a time and a step", async () => {
    const shell = await withMetrics();
    await shell.run(["metrics", "acme", "--since", "2h", "--step", "5"]);
    const asked = new URL(shell.api.seen.at(-1)?.path ?? "", "http://localhost").searchParams;
    expect(asked.get("stepMinutes")).toBe("5");
    expect(Date.now() - Date.parse(asked.get("since") ?? "")).toBeGreaterThanOrEqual(7_200_000);
  });
});

describe("metrics top", () => {
  it.each([80, 60])("fits %i columns and says which tenants use the most", async (columns) => {
    const shell = await withMetrics();
    const text = await shownIn(shell, ["metrics", "top", "--by", "latency", "--limit", "5"], columns);
    for (const line of text.split("\n")) expect([...line].length, line).toBeLessThanOrEqual(columns);
    expect(text).toMatch(/acme +81\.5 %/);
    const asked = new URL(shell.api.seen.at(-1)?.path ?? "", "http://localhost").searchParams;
    expect([asked.get("by"), asked.get("limit")]).toEqual(["latency", "5"]);
  });

  it("names the orders there are", async () => {
    const shell = await withMetrics();
    const { code, stderr } = await shell.run(["metrics", "top", "--by", "beauty"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/requests, errors, time, latency, bytes, rows, storage/);
  });
});
