import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { type Scrape, scrape, startWatchedServer } from "./fixture/prometheus.ts";
import { usedIn } from "./fixture/promql.ts";
import type { TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

const docker = new URL("../../../docker/", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, docker), "utf8");
const yaml: { parse: (text: string) => unknown } = createRequire(new URL("../../cli/package.json", import.meta.url))(
  "yaml",
);

interface Rules {
  groups: { rules: { record?: string; alert?: string; expr: string; annotations?: Record<string, string> }[] }[];
}
interface Panel {
  id: number;
  title: string;
  targets?: { expr: string; legendFormat: string }[];
}
interface Dashboard {
  panels: Panel[];
  templating: { list: { query: { query: string } }[] };
}

const rules = (yaml.parse(read("prometheus/rules.yml")) as Rules).groups.flatMap((group) => group.rules);
const dashboard: Dashboard = JSON.parse(read("grafana/dashboards/tenantctl.json"));
const recorded = new Set(rules.flatMap(({ record }) => record ?? []));

const expressions: [where: string, expression: string][] = [
  ...rules.map(({ record, alert, expr }): [string, string] => [record ?? alert ?? "", expr]),
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }): [string, string] => [title, expr])),
];

/** Put on by Prometheus itself. */
const ofPrometheus = new Set(["instance", "job"]);

let server: TestServer;
let live: Scrape;
beforeAll(async () => {
  let metricsUrl: string;
  // A Redis that is away: its metrics are there all the same.
  ({ server, metricsUrl } = await startWatchedServer({ settings: { jobs: true, redisUrl: "redis://127.0.0.1:1" } }));
  const tenant = await server.provision();
  const token = await server.operatorToken();
  await server.request("GET", "/api/customers", { token: tenant.token });
  await server.request("PUT", `/api/admin/tenants/${tenant.id}/quotas`, {
    token,
    body: { resource: "users", limit: 1, reason: "test" },
  });
  await server.asOwner(
    `insert into app.backup_facts (tenant_id, last_backup_at, last_verified_at, last_drilled_at) values ($1, now(), now(), now())`,
    [tenant.id],
  );
  // A request and a task that fail.
  await server.asOwner("alter table app.customers rename to moved_away");
  await server.request("GET", "/api/customers", { token: tenant.token });
  await server.asOwner("alter table app.moved_away rename to customers");
  await server.asOwner("alter table app.idempotency_keys rename to moved_away");
  await withClient(server.app.db.jobsUrl, (client) =>
    client.query("select graphile_worker.add_job('expire_idempotency_keys')"),
  );
  live = await until("all gauges", async () => {
    const now = await scrape(metricsUrl);
    const complete =
      now.value("tenantctl_job_runs_total", { outcome: "failure" }) !== undefined &&
      now.value("tenantctl_job_last_success_timestamp_seconds", { task: "evaluate_alerts" }) !== undefined &&
      now.value("tenantctl_jobs") !== undefined &&
      now.value("tenantctl_quota_used_ratio") !== undefined;
    return complete ? now : undefined;
  });
});
afterAll(() => server.stop());

describe("what docker/ asks Prometheus for", () => {
  it("is read out of expressions as it should be", () => {
    expect(usedIn('sum by (le) (rate(a_bucket{x="1", y=~"2|3"}[5m])) > 0.5 and on (z) time() - b:c offset 1h')).toEqual(
      {
        metrics: [
          {
            name: "a_bucket",
            matchers: [
              { label: "x", equals: "1" },
              { label: "y", equals: undefined },
            ],
          },
          { name: "b:c", matchers: [] },
        ],
        grouping: ["le", "z"],
      },
    );
  });

  it.each(expressions)("is there: %s: %s", (_, expression) => {
    const { metrics, grouping } = usedIn(expression);
    expect(metrics.length).toBeGreaterThan(0);
    const labels = new Set<string>();
    for (const { name, matchers } of metrics) {
      if (name === "up" || recorded.has(name)) continue;
      const samples = live.samples.filter((sample) => sample.name === name);
      expect(samples.length, name).toBeGreaterThan(0);
      for (const label of Object.keys(samples[0]?.labels ?? {})) labels.add(label);
      for (const { label, equals } of matchers.filter((matcher) => !ofPrometheus.has(matcher.label))) {
        expect(Object.keys(samples[0]?.labels ?? {}), name).toContain(label);
        if (equals !== undefined)
          expect(
            samples.map((sample) => sample.labels[label]),
            `${name} ${label}`,
          ).toContain(equals);
      }
    }
    for (const label of grouping.filter((one) => !ofPrometheus.has(one))) expect([...labels]).toContain(label);
  });

  it("is shown with labels that the series have", () => {
    for (const { title, targets = [] } of dashboard.panels) {
      for (const { expr, legendFormat } of targets) {
        const { grouping } = usedIn(expr);
        const { metrics } = usedIn(expr);
        const own = new Set(
          live.samples.filter(({ name }) => name === metrics[0]?.name).flatMap(({ labels }) => Object.keys(labels)),
        );
        for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          const aggregated = /\bby\b/.test(expr);
          expect(aggregated ? grouping : [...own, "instance"], `${title}: ${legendFormat}`).toContain(label);
        }
      }
    }
    for (const { query } of dashboard.templating.list) {
      const [, metric] = /^label_values\((\w+), \w+\)$/.exec(query.query) ?? [];
      expect(live.value(metric ?? "")).toBeDefined();
    }
  });

  it("covers every metric of tenantctl's own", () => {
    const asked = new Set(expressions.flatMap(([, expression]) => usedIn(expression).metrics.map(({ name }) => name)));
    const unasked = [...live.types.keys()].filter(
      (name) =>
        !/^tenantctl_(nodejs|process)_/.test(name) &&
        ![name, `${name}_bucket`, `${name}_count`].some((known) => asked.has(known)),
    );
    expect(unasked).toEqual([]);
  });

  it("is described in docs/monitoring.md, and nothing else is", () => {
    const page = readFileSync(new URL("../docs/monitoring.md", docker), "utf8");
    const described = new Set([...page.matchAll(/`(tenantctl_[a-z0-9_]+)`/g)].map(([, name = ""]) => name));
    const own = [...live.types.keys()].filter((name) => !/^tenantctl_(nodejs|process)_/.test(name));
    expect(own.filter((name) => !described.has(name))).toEqual([]);
    expect([...described].filter((name) => !live.types.has(name))).toEqual([]);
  });

  it("names next steps for each alert, and panels once each", () => {
    for (const { alert, annotations } of rules) {
      if (alert !== undefined)
        expect(annotations).toMatchObject({ summary: expect.any(String), next: expect.any(String) });
    }
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("is on the port and in the files that compose.yaml mounts", () => {
    const { services } = yaml.parse(read("compose.yaml")) as {
      services: Record<string, { environment?: Record<string, unknown>; profiles?: string[] }>;
    };
    const { scrape_configs: jobs } = yaml.parse(read("prometheus/prometheus.yml")) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    expect(jobs[0]?.static_configs[0]?.targets).toEqual([`api:${services.api?.environment?.TENANTCTL_METRICS_PORT}`]);
    for (const name of ["prometheus", "grafana"]) expect(services[name]?.profiles).toEqual(["monitoring"]);
    const { datasources } = yaml.parse(read("grafana/provisioning/datasources/prometheus.yml")) as {
      datasources: { uid: string }[];
    };
    const uids = new Set(
      [...read("grafana/dashboards/tenantctl.json").matchAll(/"uid": "(\w+)"/g)].map(([, uid]) => uid),
    );
    expect(uids).toEqual(new Set([datasources[0]?.uid, "tenantctl"]));
  });

  const promtool = spawnSync("promtool", ["--version"]).error === undefined;
  it.runIf(promtool)("satisfies promtool where there is one, and so does what /metrics says", () => {
    for (const [what, path] of [
      ["rules", "prometheus/rules.yml"],
      ["config", "prometheus/prometheus.yml"],
    ] as const) {
      const { status, stdout, stderr } = spawnSync("promtool", ["check", what, fileURLToPath(new URL(path, docker))], {
        encoding: "utf8",
      });
      expect([status, status === 0 ? "" : stdout + stderr]).toEqual([0, ""]);
    }
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input: live.text,
      encoding: "utf8",
    });
    const lints = (stdout + stderr)
      .split("\n")
      .filter((line) => line !== "" && !/^tenantctl_(nodejs|process)_/.test(line));
    expect(lints).toEqual([]);
    expect([0, 3]).toContain(status);
  });
});
