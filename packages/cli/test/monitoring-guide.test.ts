import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bashBlocks } from "./fixture/markdown-blocks.ts";
import { type StartedSystem, startSystem } from "./fixture/started-system.ts";

const guide = fileURLToPath(new URL("../../../docs/monitoring.md", import.meta.url));

/** What a block's output must show, by its heading; every block must end with exit code 0 in any case. */
const promises: Readonly<Record<string, RegExp[]>> = {
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
};

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });

describe("docs/monitoring.md", () => {
  let system: StartedSystem;
  let ports: Readonly<Record<string, string>>;
  beforeAll(async () => {
    const [receiver, metrics] = [await freePort(), await freePort()];
    system = await startSystem({
      TENANTCTL_WEBHOOK_ALLOW: "127.0.0.1",
      TENANTCTL_METRICS_PORT: String(metrics),
      // A machine that runs several tests at once is no reason to turn requests away.
      TENANTCTL_OVERLOAD_DELAY_MS: "3600000",
    });
    ports = {
      "http://localhost:5000": system.url,
      "localhost:9464": `127.0.0.1:${metrics}`,
      "8787": String(receiver),
    };
  });
  afterAll(async () => {
    await system.bash("[ ! -f receiver.pid ] || kill $(cat receiver.pid)");
    await system.stop();
  });

  const blocks = bashBlocks(guide);
  for (const [position, { heading, text, line }] of blocks.entries()) {
    const index = blocks.slice(0, position).filter((before) => before.heading === heading).length;
    it(`line ${line}: ${heading}`, { timeout: 180_000 }, async () => {
      const here = Object.entries(ports).reduce((filled, [theirs, ours]) => filled.replaceAll(theirs, ours), text);
      // One shell for the reader: what a block exports or defines is there in the next.
      const state = `${system.dir}/shell-state`;
      const script = `[ ! -f ${state} ] || . ${state}\n${here}\n{ declare -px; declare -f; } > ${state}`;
      const { code, stdout, stderr } = await system.bash(script);
      expect({ code, stderr: code === 0 ? "" : `${stdout}\n${stderr}` }).toEqual({ code: 0, stderr: "" });
      const promised = promises[heading]?.[index];
      if (promised !== undefined) expect(stdout).toMatch(promised);
    });
  }

  it("says of every shipped rule what to do", async () => {
    const { stdout } = await system.bash(
      "PATH=$PWD/node_modules/.bin:$PATH TENANTCTL_CONFIG_DIR=$PWD/.tenantctl/cli tenantctl alerts rules list -o json",
    );
    const rules: { name: string; source: string }[] = JSON.parse(stdout);
    const table = readFileSync(guide, "utf8").split("## What each alert asks for")[1] ?? "";
    const told = [...table.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, names = ""]) =>
      [...names.matchAll(/`([a-z_]+)`/g)].map(([, name = ""]) => name),
    );
    expect(told.sort()).toEqual(
      rules
        .filter(({ source }) => source !== "own")
        .map(({ name }) => name)
        .sort(),
    );
  });

  it("loses nothing of what it promises", () => {
    const headings = new Set(blocks.map(({ heading }) => heading));
    expect(Object.keys(promises).filter((heading) => !headings.has(heading))).toEqual([]);
  });
});
