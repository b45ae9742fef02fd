import { type RouteShape, routeIds, routes } from "@tenantctl/contract";
import type { Command as Commander } from "commander";
import { describe, expect, it } from "vitest";
import { answerProperties, fieldsOf } from "../src/arguments/field.ts";
import type { Command } from "../src/command.ts";
import { entries } from "../src/command-table.ts";
import { withoutCommand } from "../src/coverage.ts";
import { buildProgram } from "../src/program.ts";

const loaded = async (): Promise<Command[]> => {
  const modules = await Promise.all(
    entries.map(async ({ name, load }) => (await load()).commands.filter(({ path }) => path[0] === name)),
  );
  return modules.flat();
};
const commands = await loaded();

const leafOf = async ({ path }: Command): Promise<Commander> => {
  const program = await buildProgram(path[0], { exit: 0 }, path.slice(1));
  let leaf: Commander | undefined = program;
  for (const word of path) leaf = leaf?.commands.find((command) => command.name() === word);
  if (leaf === undefined) throw new Error(`${path.join(" ")} is not in the program`);
  return leaf;
};

describe("every command", () => {
  it("has an entry in the table, and every entry a command", () => {
    for (const { name } of entries)
      expect(
        commands.some(({ path }) => path[0] === name),
        name,
      ).toBe(true);
  });

  it("names only properties that its route has", () => {
    for (const command of commands) {
      const id = command.tenantRoute ?? command.route;
      if (id === undefined) continue;
      const shape: RouteShape = routes[id];
      const fields = fieldsOf(shape).map(({ name }) => name);
      const answered = answerProperties(shape);
      const named = [
        ...(command.positional ?? []).map(({ name }) => name),
        ...(command.secrets ?? []),
        ...Object.keys(command.aliases ?? {}),
      ];
      for (const name of named) expect(fields, `${command.path.join(" ")}: ${name}`).toContain(name);
      const shown = [...(command.columns ?? []), ...(command.cells ?? [])].map(({ key }) => key.split(".")[0] ?? "");
      for (const name of [...shown, ...(command.shown ?? [])])
        expect(answered, `${command.path.join(" ")}: ${name}`).toContain(name);
    }
  });

  it("shows examples that begin with its own words and use only its own flags", async () => {
    for (const command of commands) {
      expect(command.examples.length, command.path.join(" ")).toBeGreaterThan(0);
      const leaf = await leafOf(command);
      const known = [
        ...leaf.options,
        ...(leaf.parent?.options ?? []),
        ...(await buildProgram(undefined, { exit: 0 })).options,
      ];
      const flags = known.flatMap(({ flags: text }) => text.split(/[ ,|]+/).filter((part) => part.startsWith("-")));
      for (const example of command.examples) {
        expect(example.split(" ").slice(0, command.path.length)).toEqual(command.path);
        const used =
          example
            .replace(/'[^']*'/g, "x")
            .split(/ [|#<>]| \|\|/)[0]
            ?.match(/(?<= )--?[a-z][a-z-]*/g) ?? [];
        for (const flag of used) expect(flags, example).toContain(flag);
      }
    }
  });

  it("takes no secret as an argument", async () => {
    for (const command of commands) {
      const taking = (await leafOf(command)).options.filter(
        ({ flags }) => /password|secret|token/i.test(flags) && flags.includes("<"),
      );
      for (const { flags } of taking) expect(flags).toMatch(/-file <(path|file)>$/);
    }
  });
});

describe("the contract", () => {
  it("is reached by a command or has a reason why not, and not both", () => {
    const covered = new Set(commands.flatMap(({ route, tenantRoute, covers = [] }) => [route, tenantRoute, ...covers]));
    for (const id of routeIds) expect(covered.has(id) !== Object.hasOwn(withoutCommand, id), id).toBe(true);
  });
});
