import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { settings } from "../../server/src/settings.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "docker/README.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

describe("the documentation", () => {
  it("names files that exist", () => {
    const named = [...read("CONTRIBUTING.md").matchAll(/`((?:packages|docs)\/[\w./-]+)`/g)].map(
      ([, path = ""]) => path,
    );
    expect(named.length).toBeGreaterThan(12);
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it("has no dead links between its pages", () => {
    const dead = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)]
        .map(([, target = ""]) => target)
        .filter((target) => !/^https?:/.test(target) && !existsSync(resolve(root, dirname(page), target)))
        .map((target) => `${page} → ${target}`),
    );
    expect(dead).toEqual([]);
  });

  it("lists every setting of the server in the README (renew: UPDATE_DOCS=1)", () => {
    const rows = Object.values(settings).map(({ env, about, fallback, ...more }) => {
      const name = "secret" in more && more.secret ? `\`${env}\` (or \`_FILE\`)` : `\`${env}\``;
      return `| ${name} | ${about} | ${fallback === undefined ? "" : `\`${fallback}\``} |`;
    });
    const table = ["| name | what for | default |", "|---|---|---|", ...rows].join("\n");
    const marked = /(<!-- settings:[^\n]*-->\n)[\s\S]*?(<!-- \/settings -->)/;
    const readme = read("README.md");
    const renewed = readme.replace(marked, (_all, open: string, close: string) => `${open}\n${table}\n\n${close}`);
    if (process.env.UPDATE_DOCS) writeFileSync(join(root, "README.md"), renewed);
    expect(readme === renewed || process.env.UPDATE_DOCS !== undefined).toBe(true);
  });
});
