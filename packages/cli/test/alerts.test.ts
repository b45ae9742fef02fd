import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Exit, runCli } from "../../database/test/harness/process.ts";
import { evaluateAlerts } from "../../server/src/alerts/evaluate.ts";
import { startTestServer, type TestServer } from "../../server/test/fixture/server.ts";

let server: TestServer;
let dir: string;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  server = await startTestServer();
  dir = mkdtempSync(join(tmpdir(), "tenantctl-alerts-"));
  env = {
    PATH: process.env.PATH,
    HOME: dir,
    TENANTCTL_CONFIG_DIR: dir,
    TENANTCTL_API_URL: server.url,
    TENANTCTL_TOKEN: await server.operatorToken(),
  };
});
afterAll(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const tenantctl = (...args: string[]): Promise<Exit> => runCli(["alerts", ...args], { env, cwd: dir });
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await tenantctl(...args, "-o", "json");
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
};

/** A tenant whose quota of users is used up, and the alert that says so. */
const openAlert = async () => {
  const tenant = await server.provision();
  await server.asOwner(
    "insert into app.quota_overrides (tenant_id, resource, quota_limit, reason, set_by) values ($1, 'users', 1, 'test', '{}')",
    [tenant.id],
  );
  await evaluateAlerts(server.app.db);
  const [alert] = await json("list", tenant.slug);
  return { tenant, alert };
};

describe("alerts rules", () => {
  it("list, set, test and reset: durations and fractions as people write them", async () => {
    await evaluateAlerts(server.app.db);
    const listed = await tenantctl("rules", "list");
    expect(listed.stdout).toMatch(/error_rate +clear +5 +%/);
    expect(listed.stdout).toMatch(/disk +unavailable .*no process of the API has reported/);

    const set = await tenantctl(
      "rules",
      "set",
      "error_rate",
      "--threshold",
      "2.5",
      "--for",
      "5m",
      "--clear-after",
      "90s",
      "--escalate-after",
      "never",
      "--notify",
      "on_call,security",
    );
    expect(set, set.stderr).toMatchObject({ code: 0 });
    expect(set.stderr).toContain("alerts rules test error_rate");
    expect(await json("rules", "show", "error_rate")).toMatchObject({
      threshold: 2.5,
      forSeconds: 300,
      clearAfterSeconds: 90,
      escalateAfterSeconds: null,
      notify: ["on_call", "security"],
      source: "changed",
    });
    const shown = await tenantctl("rules", "show", "error_rate");
    expect(shown.stdout).toMatch(/for +5m/);
    expect(shown.stdout).toMatch(/clear after +90s/);
    expect(shown.stdout).toMatch(/escalate after +never/);

    expect(await json("rules", "set", "error_rate", "--disable")).toMatchObject({ enabled: false, state: "off" });
    expect(await json("rules", "set", "error_rate", "--enable", "--notify", "nobody")).toMatchObject({
      enabled: true,
      notify: [],
    });
    expect((await tenantctl("rules", "reset", "error_rate")).code).toBe(2);
    expect(await json("rules", "reset", "error_rate", "--yes")).toMatchObject({ threshold: 5, source: "shipped" });

    const tested = await tenantctl("rules", "test", "quota_near", "--threshold", "0.1");
    expect(tested.code).toBe(0);
    expect(tested.stderr).toMatch(/nothing was opened: it was evaluated at 0\.1 % in/);
  });

  it("makes a rule of one's own, and names the metrics where one is not known", async () => {
    const metrics = await tenantctl("rules", "metrics");
    expect(metrics.stdout).toMatch(/database_size +GB/);
    const refused = await tenantctl("rules", "set", "mine", "--metric", "no_such_thing", "--threshold", "1");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/There are: .*database_size/);
    const made = await json(
      "rules",
      "set",
      "mine",
      "--metric",
      "database_size",
      "--threshold",
      "500",
      "--severity",
      "info",
    );
    expect(made).toMatchObject({ source: "own", state: "new", unit: "GB" });
    const removed = await tenantctl("rules", "reset", "mine", "--yes");
    expect(removed.stderr).toContain("removed mine.");
    expect((await tenantctl("rules", "show", "mine")).code).toBe(6);
  });

  it("says what is missing or does not fit before anything is sent", async () => {
    for (const [args, says] of [
      [["rules", "set", "error_rate"], /say what is to change/],
      [["rules", "set", "error_rate", "--for", "soon"], /--for takes a duration such as 90s, 5m or 2h/],
      [["rules", "set", "error_rate", "--threshold", "many"], /--threshold takes a number/],
      [["rules", "set", "error_rate", "--enable", "--disable"], /exclude each other/],
      [["silence", "--for", "2h", "--reason", "x"], /a rule, an alert or --tenant/],
      [["silence", "error_rate"], /missing: --for, --reason/],
    ] as const) {
      const { code, stderr } = await tenantctl(...args);
      expect([args.join(" "), code]).toEqual([args.join(" "), 2]);
      expect(stderr).toMatch(says);
    }
  });
});

describe("an alert", () => {
  it("is shown with its evidence and the next step, taken once, and resolved", async () => {
    const { tenant, alert } = await openAlert();
    const shown = await tenantctl("show", alert.id);
    expect(shown.stdout).toMatch(new RegExp(`next +tenantctl quotas show ${tenant.slug}`));
    expect(shown.stdout).toMatch(/evidence used +1/);
    expect(shown.stdout).toMatch(/contacts told +nobody/);
    const taken = await tenantctl("acknowledge", alert.id, "--note", "asked them");
    expect(taken.stderr).toContain("it is yours");
    const again = await tenantctl("acknowledge", alert.id);
    expect(again.code).toBe(0);
    expect(again.stderr).toContain(`${server.operator.email} has had it since`);
    expect((await tenantctl("resolve", alert.id)).code).toBe(0);
    expect((await tenantctl("resolve", alert.id)).stderr).toMatch(/resolved by root@example.com at/);
    expect((await tenantctl("acknowledge", alert.id)).code).toBe(7);
  });

  it("can be silenced by its id, its rule or its tenant, for a while or until it is ended", async () => {
    const { tenant, alert } = await openAlert();
    const silenced = await tenantctl("silence", alert.id, "--for", "30m", "--reason", "known");
    expect(silenced, silenced.stderr).toMatchObject({ code: 0 });
    const [, id = ""] = /alerts unsilence (\S+)/.exec(silenced.stderr) ?? [];
    expect((await json("show", alert.id)).silencedUntil).not.toBeNull();
    expect(
      await json("silence", "quota_reached", "--tenant", tenant.slug, "--for", "1d", "--reason", "theirs"),
    ).toMatchObject({ rule: "quota_reached", tenantSlug: tenant.slug, alerts: 1 });
    expect(await json("silences")).toHaveLength(2);
    expect((await tenantctl("silences")).stdout).toMatch(/known/);
    expect((await tenantctl("unsilence", id)).stderr).toContain("ended");
    expect(await json("silences")).toHaveLength(1);
    expect(await json("silences", "--status", "all")).toHaveLength(2);
    expect((await tenantctl("unsilence", "01890000-0000-7000-8000-0000000000ff")).code).toBe(6);
  });
});
