import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../packages/", import.meta.url));

interface Import {
  readonly file: string;
  readonly target: string;
  readonly lazy: boolean;
  readonly typeOnly: boolean;
}

const sources = (dir: string): string[] =>
  readdirSync(join(root, dir), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(dir, name));

const importsOf = (pkg: string): Import[] =>
  sources(`${pkg}/src`).flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8");
    const fixed = [...text.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from\s+"([^"]+)"/gm)].map(
      ([, type, target = ""]) => ({
        file,
        target,
        lazy: false,
        typeOnly: type !== undefined,
      }),
    );
    const lazy = [...text.matchAll(/\bimport\("([^"]+)"\)/g)].map(([, target = ""]) => ({
      file,
      target,
      lazy: true,
      typeOnly: false,
    }));
    return [...fixed, ...lazy];
  });

/** Which of our packages each may import; the arrows point one way. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  archive: [],
  database: [],
  server: ["contract", "archive", "database"],
  cli: ["contract", "archive"],
};

/** What the CLI loads only for commands that work on a database directly. */
const lazyOnly = ["database", "server"];

const packages = readdirSync(root).filter((name) => readdirSync(join(root, name)).includes("src"));

describe("imports between packages", () => {
  it("are known for every package", () => {
    expect(packages.filter((name) => !(name in arrows) && name !== "bench")).toEqual([]);
  });

  it("point one way, the CLI's to server and database only lazily", () => {
    const wrong = packages
      .filter((name) => name in arrows)
      .flatMap((name) =>
        importsOf(name).filter(({ target, lazy, typeOnly }) => {
          const to = /^@tenantctl\/([a-z]+)/.exec(target)?.[1];
          if (to === undefined) return false;
          if (name === "cli" && lazyOnly.includes(to)) return !lazy && !typeOnly;
          return !arrows[name]?.includes(to);
        }),
      )
      .map(({ file, target }) => `${file} → ${target}`);
    expect(wrong).toEqual([]);
  });

  it("stay inside their package", () => {
    const wrong = packages
      .flatMap((name) => importsOf(name).map((found) => ({ ...found, name })))
      .filter(({ file, target, name }) => target.startsWith(".") && !join(file, "..", target).startsWith(`${name}/src`))
      .map(({ file, target }) => `${file} → ${target}`);
    expect(wrong).toEqual([]);
  });
});
