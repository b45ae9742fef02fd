import { execFile } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const loader = fileURLToPath(new URL("../bin/load.js", import.meta.url));

/** Which files of the build and which modules of Node a command loads until nothing answers it. */
const loadedBy = (...argv: readonly string[]): Promise<{ files: string[]; modules: string[] }> => {
  const program = `
    const { load } = require(${JSON.stringify(loader)});
    const files = [];
    process.on("exit", () =>
      process.stdout.write(JSON.stringify({ files, modules: process.moduleLoadList })));
    load("main.js", (file) => files.push(file)).main(${JSON.stringify(argv)});`;
  const env = { PATH: process.env.PATH, TENANTCTL_TOKEN: "none", TENANTCTL_CONFIG_DIR: "/nonexistent" };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ["-e", program], { env, maxBuffer: 1 << 22 }, (error, stdout) => {
      const said = stdout.slice(stdout.lastIndexOf('{"files"'));
      if (said.startsWith("{")) resolve(JSON.parse(said));
      else reject(error ?? new Error(`nothing was said: ${stdout}`));
    });
  });
};

const kilobytes = (files: readonly string[]): number =>
  files.reduce((sum, file) => sum + statSync(file).size, 0) / 1024;

describe("what a start loads", () => {
  it("is a few small files for a short command, kept compiled, and neither fetch nor schemas", async () => {
    const { files, modules } = await loadedBy("status", "--api-url", "http://127.0.0.1:9");
    expect(files.map((file) => basename(file))).toContain("main.js");
    expect(files.length).toBeLessThan(20);
    expect(kilobytes(files)).toBeLessThan(300);
    expect(files.filter((file) => !existsSync(`${file}.code`))).toEqual([]);
    const dear = /undici|child_process|NativeModule crypto$/;
    expect(modules.filter((name) => dear.test(name))).toEqual([]);
  });

  it("is next to nothing for --help", async () => {
    const { files, modules } = await loadedBy("--help");
    expect(kilobytes(files)).toBeLessThan(40);
    expect(modules.filter((name) => name.endsWith(" http"))).toEqual([]);
  });
});
