import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type RouteShape, routes } from "@tenantctl/contract";
import { beforeAll, describe, expect, it } from "vitest";
import type { Command } from "../src/command.ts";
import { entries } from "../src/command-table.ts";
import { optionsOf } from "../src/program.ts";

const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");

/** What operators pasted before there was a tenantctl: method is GET throughout. */
const monitoring =
  read("./fixture/source-guide.md")
    .split(/^## /m)
    .find((part) => part.startsWith("Monitoring")) ?? "";
const asked = [...monitoring.matchAll(/http:\/\/localhost:5000(\/[\w/-]+)/g)].map(([, path = ""]) => `GET ${path}`);
const headings = [...monitoring.matchAll(/^### (.*)$/gm)].map(([, title = ""]) => title.toLowerCase());

const rows = [
  ...read("../../../docs/operator-guide.md").matchAll(/^\| ([^|]+) \| `([A-Z]+ \/[^`]+)` \| `tenantctl ([^`]+)` \|$/gm),
].map(([, step = "", route = "", line = ""]) => ({ step: step.toLowerCase(), route, line }));

let commands: readonly Command[];
beforeAll(async () => {
  commands = (await Promise.all(entries.map(({ load }) => load()))).flatMap((module) => module.commands);
});

/** The command that a line calls: the longest path that it begins with. */
const commandOf = (line: string): Command | undefined =>
  commands
    .filter(({ path }) => `${line} `.startsWith(`${path.join(" ")} `))
    .sort((a, b) => b.path.length - a.path.length)[0];

describe("the operator guide's table of monitoring", () => {
  it("has every line of the guide's Monitoring section, by its name and its address", () => {
    expect(headings.length).toBeGreaterThan(4);
    for (const heading of headings) expect(rows.map(({ step }) => step)).toContain(heading);
    for (const route of new Set(asked))
      expect([route, rows.filter((row) => row.route === route).length]).toEqual([
        route,
        asked.filter((other) => other === route).length,
      ]);
  });

  it("names routes that there are, and for each the command that calls it, with flags that it takes", () => {
    const wrong = rows.flatMap(({ route, line }) => {
      const ids = Object.entries<RouteShape>(routes)
        .filter(([, shape]) => `${shape.method} ${shape.path}` === route)
        .map(([id]) => id);
      const command = commandOf(line);
      const called: readonly string[] = [command?.route, command?.tenantRoute, ...(command?.covers ?? [])].filter(
        (id) => id !== undefined,
      );
      const flags =
        command === undefined ? [] : optionsOf(command).flatMap(({ flags: text }) => text.match(/--[a-z-]+/g) ?? []);
      const unknown = (line.match(/--[a-z-]+/g) ?? []).filter((flag) => !flags.includes(flag) && flag !== "--output");
      return ids.some((id) => called.includes(id)) && unknown.length === 0 ? [] : [{ route, line, called, unknown }];
    });
    expect(wrong).toEqual([]);
  });
});
