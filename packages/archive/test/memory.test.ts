import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const script = fileURLToPath(new URL("fixtures/stream-archive.mjs", import.meta.url));

interface Result {
  bufferMegabytes: number;
  grownMegabytes: number;
}

async function stream(megabytes: number, form: string): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "archive-"));
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [
      script,
      String(megabytes),
      form,
      join(folder, "a"),
    ]);
    return JSON.parse(stdout);
  } finally {
    await rm(folder, { recursive: true });
  }
}

// What Node has freed but not yet collected counts too, so that the bound is wider than what is in use.
describe.each(["plain", "age"])("writing, verifying and reading a %s archive with a row of 100 MiB", (form) => {
  it("takes no more memory than a small one, whatever its size", { timeout: 300_000 }, async () => {
    const { bufferMegabytes, grownMegabytes } = await stream(256, form);
    expect(bufferMegabytes).toBeLessThan(100);
    expect(grownMegabytes).toBeLessThan(120);
  });
});
