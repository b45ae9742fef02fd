import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bashBlocks } from "./fixture/markdown-blocks.ts";
import { type StartedSystem, startSystem } from "./fixture/started-system.ts";

const guide = fileURLToPath(new URL("../../../docs/backup-and-restore.md", import.meta.url));

/** What a block's output must show, by its heading; every block must end with exit code 0 in any case. */
const promises: Readonly<Record<string, RegExp[]>> = {
  "Back up": [/backed up 2 tenants, .* encrypted, in [\s\S]*complete/, /BACKED UP[\s\S]*acme +active +2/],
  "Every night": [/^30 2 \* \* \* .*TENANTCTL_TOKEN_FILE=\/.* backup --repo \/.* --recipients-file \//],
  "An off-site copy": [/^$/, /verified 3 files of 1 run, .*: the bytes that were stored/],
  "Verify and drill": [/whole, every part, count and digest[\s\S]*drilled 3 of .*: all restored and equal/],
  "Data loss": [
    /Cleo/,
    /delete[\s\S]*customer/,
    /suspended/,
    /complete/,
    /customers/,
    /app\.customers +2 +yes[\s\S]*Bob of acme[\s\S]*Ann of acme/,
    /app\.customers +2 +yes/,
    /Bob of acme[\s\S]*Ann of acme/,
    /restore/,
  ],
  "A tenant that was deleted for good": [/Ann of globex[\s\S]*active/],
  "How long backups are kept": [/daily/, /backed up [\s\S]*not expired/, /EXPIRES[\s\S]*backup/],
};

describe.skipIf(spawnSync("age-keygen", ["--version"]).error !== undefined)("docs/backup-and-restore.md", () => {
  let system: StartedSystem;
  beforeAll(async () => {
    system = await startSystem();
  });
  afterAll(() => system.stop());

  const blocks = bashBlocks(guide);
  for (const [position, { heading, text, line }] of blocks.entries()) {
    const index = blocks.slice(0, position).filter((before) => before.heading === heading).length;
    it(`line ${line}: ${heading}`, async () => {
      // One shell for the reader: what a block exports or defines is there in the next.
      const state = `${system.dir}/shell-state`;
      const script = `[ ! -f ${state} ] || . ${state}\n${text.replaceAll("http://localhost:5000", system.url)}\n{ declare -px; declare -f; } > ${state}`;
      const { code, stdout, stderr } = await system.bash(script);
      expect({ code, stderr: code === 0 ? "" : `${stdout}\n${stderr}` }).toEqual({ code: 0, stderr: "" });
      const promised = promises[heading]?.[index];
      if (promised !== undefined) expect(stdout).toMatch(promised);
    });
  }

  it("loses nothing of what it promises", () => {
    const headings = new Set(blocks.map(({ heading }) => heading));
    expect(Object.keys(promises).filter((heading) => !headings.has(heading))).toEqual([]);
  });
});
