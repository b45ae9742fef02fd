import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { describeGuide } from "./fixture/describe-guide.ts";

const page = "docs/monitoring.md";

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });

describeGuide(
  page,
  {
    "One screen": [/^ALL WELL\n/, /"needsAttention": \[\][\s\S]*"health": "ok"/],
    "Who is told": [/^$/, /contact\.test \(info\): This is a test/, /on-call[\s\S]*manager/],
    "When they are told": [
      /seal_lag[\s\S]*criticalThreshold|critical from/,
      /failed_logins|nothing|clear/,
      /database_grows/,
    ],
    "A page": [
      /alert\.opened \(warning\): 3 failed logins as ada@company\.example[\s\S]*NEEDS? A PERSON[\s\S]*tenantctl logs/,
      /status\s+acknowledged[\s\S]*looking into it/,
      /ada@company\.example/,
      /identity provider/,
      /alert\.resolved[\s\S]*resolve/,
    ],
    "When pages do not arrive": [/alert\.opened[\s\S]*alert\.opened/],
    "Who uses the most": [/company-name/],
    "Prometheus and Grafana": [/^tenantctl_/],
    "Who read what": [/MINUTE|WHO|nobody|metrics\.get/i],
    "Is the audit log true?": [/as it was written[\s\S]*as it was written[\s\S]*checkpoints +1, until [\s\S]*kept/],
  },
  {
    timeout: 180_000,
    prepare: async () => {
      const [receiver, metrics] = [await freePort(), await freePort()];
      return {
        settings: { TENANTCTL_WEBHOOK_ALLOW: "127.0.0.1", TENANTCTL_METRICS_PORT: String(metrics) },
        texts: { "localhost:9464": `127.0.0.1:${metrics}`, "8787": String(receiver) },
      };
    },
    tidy: "[ ! -f receiver.pid ] || kill $(cat receiver.pid)",
    after: (system) => {
      it("says of every shipped rule what to do", async () => {
        const { stdout } = await system().bash(
          "PATH=$PWD/node_modules/.bin:$PATH TENANTCTL_CONFIG_DIR=$PWD/.tenantctl/cli tenantctl alerts rules list -o json",
        );
        const rules: { name: string; source: string }[] = JSON.parse(stdout);
        const text = readFileSync(fileURLToPath(new URL(`../../../${page}`, import.meta.url)), "utf8");
        const table = text.split("## What each alert asks for")[1] ?? "";
        const told = [...table.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, names = ""]) =>
          [...names.matchAll(/`([a-z_]+)`/g)].map(([, name = ""]) => name),
        );
        const shipped = rules.filter(({ source }) => source !== "own").map(({ name }) => name);
        expect(told.sort()).toEqual(shipped.sort());
      });
    },
  },
);
