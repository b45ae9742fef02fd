import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { entries } from "../src/command-table.ts";
import { buildProgram } from "../src/program.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const files = execFileSync("git", ["ls-files", "*.md", "packages/*/src/*.ts", "docker"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => /\.(md|ts|ya?ml|json)$/.test(file));

/** A command in backticks, or a line of a block that begins with one. */
const quoted = /(?<=(`)|^)tenantctl ([a-z][^`"\n\\]*)/gm;

const names = new Set(entries.map(({ name }) => name));

/** How far the words lead, with which flags, and whether that is only a group of commands. */
const lookUp = async (words: readonly string[]): Promise<{ path: string[]; flags: Set<string>; group: boolean }> => {
  const program = await buildProgram(words[0], { exit: 0 }, words.slice(1));
  const path: string[] = [];
  const flags = new Set(["--help", "-h", "--version"]);
  let at = program;
  const take = (): void => {
    for (const { short, long } of at.options) for (const flag of [short, long]) if (flag) flags.add(flag);
  };
  take();
  for (const word of words) {
    const next = at.commands.find((command) => command.name() === word);
    if (next === undefined) break;
    at = next;
    path.push(word);
    take();
  }
  return { path, flags, group: at.commands.length > 0 && at.registeredArguments.length === 0 };
};

it("every command that pages and messages name is one, with flags that it has", async () => {
  const wrong: string[] = [];
  let seen = 0;
  for (const file of files) {
    const text = readFileSync(join(root, file), "utf8");
    for (const [, tick, said = ""] of text.matchAll(quoted)) {
      const words = (said.split(/ (?:[|#<>&;]|\|\|)|[;)]|\$\{/)[0] ?? "").trim().split(/\s+/);
      const [name = ""] = words;
      if (!names.has(name)) {
        // Text that a program puts together is no quotation.
        if (tick !== undefined && !said.includes("${")) wrong.push(`${file}: tenantctl ${said}`);
        continue;
      }
      seen += 1;
      const { path, flags, group } = await lookUp(words.filter((word) => !word.startsWith("-")));
      const next = words[path.length];
      if (group && next !== undefined && /^[a-z]+$/.test(next)) wrong.push(`${file}: tenantctl ${said}`);
      for (const [flag] of words.join(" ").matchAll(/(?<= )--?[a-z][a-z-]*/g))
        if (!flags.has(flag)) wrong.push(`${file}: tenantctl ${said} (${flag})`);
    }
  }
  expect(wrong).toEqual([]);
  expect(seen).toBeGreaterThan(300);
});
