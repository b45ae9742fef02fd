import { expect, test } from "vitest";
import { readOptions } from "../src/options.ts";
import { type Section, section } from "../src/section.ts";

const named = (name: string, full?: true): Section =>
  section({
    name,
    measures: { one: { what: name, unit: "×", better: "lower", ...(full ? { full } : {}) } },
    about: () => "",
    run: async () => ({ one: { values: [1] } }),
  });
const sections = [named("requests"), named("backup"), named("huge", true)];
const read = (...args: string[]) => readOptions(args, sections, [named("growth")]);
const names = (...args: string[]) => read(...args).chosen.map(({ name }) => name);

test("all sections are run unless some are named; a subcommand runs alone", () => {
  expect(names()).toEqual(["requests", "backup", "huge"]);
  expect(names("--only", "backup", "--only", "requests")).toEqual(["backup", "requests"]);
  expect(names("growth")).toEqual(["growth"]);
  expect(read("growth").run).toBe("growth");
  expect(read().run).toBe("bench");
});

test("sizes and turns", () => {
  expect(read("--quick").size).toBe("quick");
  expect(read().size).toBe("usual");
  expect(read("--full").size).toBe("full");
  expect(read("--rounds", "2", "--seconds", "0.5")).toMatchObject({ rounds: 2, seconds: 0.5 });
});

test.each([
  [["--only", "nothing"], "there is no nothing"],
  [["other"], "there is no other"],
  [["growth", "growth"], "one at a time"],
  [["growth", "--only", "backup"], "--only does not go with growth"],
  [["--quick", "--full"], "exclude each other"],
  [["--quick", "--write"], "--write is for whole runs"],
  [["--only", "backup", "--write"], "--write is for whole runs"],
  [["--rounds", "0"], "--rounds takes a number"],
  [["--seconds", "fast"], "--seconds takes a number"],
  [["--only", "huge"], "only with --full"],
  [["--unknown"], "unknown"],
])("%j is refused", (args, why) => {
  expect(() => read(...args)).toThrow(why);
});
