import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Exit } from "../../database/test/harness/process.ts";
import { type StartedSystem, startSystem } from "./fixture/started-system.ts";

const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");
const key = (section: string, line: string): string => `${section} / ${line}`;

/** Checkboxes, numbered steps, bullets and rows of the old guide from Troubleshooting on, without its scripts. */
const guideLines = (): string[] => {
  const lines: string[] = [];
  let [chapter, section, fenced] = ["", "", false];
  for (const line of read("./fixture/source-guide.md").split("\n")) {
    if (line.startsWith("```")) fenced = !fenced;
    if (fenced) continue;
    const [, depth = "", title = ""] = /^(##|###) (.*)$/.exec(line) ?? [];
    if (depth === "##") [chapter, section] = [title, title];
    else if (depth === "###") section = title;
    if (!chapters.includes(chapter)) continue;
    const [, item, change] = /^\s*(?:- \[ \] |\d+\. |- )(.*)$|^\| \d{4}-\d\d-\d\d \| ([^|]*) \|/.exec(line) ?? [];
    const said = (item ?? change)?.replaceAll("**", "").replace(/\s*\[.*\]$/, "");
    if (said !== undefined) lines.push(key(section, said.trim().replace(/:$/, "")));
  }
  return lines;
};
const chapters = [
  "Troubleshooting",
  "Common Tasks Checklist",
  "Emergency Procedures",
  "Contact Information",
  "Change Log",
];

const rows = [
  ...(read("../../../docs/operator-guide.md").split("\n## Line by line")[1] ?? "").matchAll(
    /^\| ([^|]+) \| ([^|]+) \| `(tenantctl [^`]+)` \|$/gm,
  ),
].map(([, section = "", line = "", command = ""]) => ({ section, line, command }));

/** What has to have happened before a section's first command. */
const before: Readonly<Record<string, string>> = {
  "Data Loss": `tenantctl reactivate acme --yes && tenantctl hold release acme --yes
    tenantctl incident open data-loss --tenant acme --repo ./backups --no-input`,
};

/** What a line's command must show; a checklist shows its lines by the old guide's names. */
const shows: Readonly<Record<string, RegExp>> = {
  "Tenant Cannot Login / Check tenant status": /acme is active/,
  "Tenant Cannot Login / Verify user exists": /The account exists/,
  "Tenant Cannot Login / Check audit logs": /ada@acme\.example +login/,
  "Data Isolation Issue / Test isolation": /Routes, with another tenant's credentials/,
  "Data Isolation Issue / Verify JWT contains correct tenant ID": /acme/,
  "Data Isolation Issue / Check database RLS policies": /\d+ lints, no finding/,
  "Quota Exceeded / Check current usage": /of 1,000 used/,
  "Quota Exceeded / Options": /Quota of customers/,
  "Quota Exceeded / Upgrade plan": /plan +enterprise/,
  "Quota Exceeded / Increase quota (super-admin only)": /9,?000/,
  "Performance Issues / Check system metrics": /Connections/,
  "Performance Issues / Identify resource-intensive tenants": /acme/,
  "Performance Issues / Review database queries": /statements/i,
  "Performance Issues / Check for missing indexes": /index/i,
  "System Down / Check server status": /live: 200/,
  "System Down / Check database connectivity": /it answers/,
  "Data Breach Suspected / IMMEDIATE: Suspend affected tenants": /1 tenant suspended/,
  "Data Breach Suspected / Preserve audit logs": /manifest SHA-256/,
  "Data Breach Suspected / Investigate scope": /acme: \d+ actor/,
  "Data Loss / Stop all operations": /acme: in maintenance/,
  "Data Loss / Identify affected tenants": /acme: differs from/,
  "Data Loss / Restore from backup": /acme: restored/,
  "Data Loss / Verify data integrity": /acme: audit log as it was written/,
  "Data Loss / Resume operations": /acme: in maintenance no more/,
  "Change Log / Initial operator guide": /2025-12-01/,
};
const checklists = ["Daily", "Weekly", "Monthly"];

describe("the guide's table, line by line", () => {
  let system: StartedSystem;
  const ran = new Map<string, Exit>();
  let section = "";
  let token = "";

  const run = async (script: string): Promise<Exit> =>
    system.bash(
      `export PATH="$PWD/node_modules/.bin:$PATH" TENANTCTL_CONFIG_DIR="$PWD/.tenantctl/cli" TOKEN='${token}'\n${script}`,
    );
  const must = async (script: string): Promise<string> => {
    const { code, stdout, stderr } = await run(script);
    expect({ code, stderr: code === 0 ? "" : `${stdout}\n${stderr}` }).toEqual({ code: 0, stderr: "" });
    return stdout;
  };

  beforeAll(async () => {
    system = await startSystem();
    await must(`printf 'correct horse battery' > admin-password
      tenantctl provision Acme --slug acme --plan basic --contact-email it@acme.example \\
        --admin-name Ada --admin-email ada@acme.example --password-file admin-password
      tenantctl customers create acme --name 'The first'
      tenantctl backup --repo ./backups --no-input
      tenantctl customers create acme --name 'After the backup'`);
    token = (
      await must(`jq -n --rawfile password admin-password '{tenant: "acme", email: "ada@acme.example", $password}' |
      curl --fail-with-body -sS ${system.url}/api/auth/login -H 'Content-Type: application/json' -d @- | jq -r .accessToken`)
    ).trim();
  });
  afterAll(() => system.stop());

  it("has every line of those chapters once, in the guide's order", () => {
    expect(guideLines()).toHaveLength(47);
    expect(rows.map((row) => key(row.section, row.line))).toEqual(guideLines());
  });

  for (const { section: of, line, command } of rows)
    it(`${of}: ${line}`, async () => {
      if (of !== section) {
        section = of;
        ran.clear();
        if (before[of] !== undefined) await must(before[of]);
      }
      const script = command.replace(" ID", ` "$(tenantctl incident list -o json | jq -r '.[0].id')"`);
      const exit = ran.get(command) ?? (await run(`printf '%s' "$TOKEN" | ${script}`));
      ran.set(command, exit);
      const { code, stdout, stderr } = exit;
      // A checklist that finds a problem has done its work.
      expect(checklists.includes(of) ? [0, 10] : [0], `${stdout}\n${stderr}`).toContain(code);
      const promised = checklists.includes(of) ? new RegExp(line) : shows[key(of, line)];
      if (promised !== undefined) expect(stdout + stderr).toMatch(promised);
    });

  it("promises nothing of lines that are not there", () => {
    const keys = rows.map((row) => key(row.section, row.line));
    expect(Object.keys(shows).filter((name) => !keys.includes(name))).toEqual([]);
  });
});
