import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe } from "vitest";
import { type CitusCluster, startCitus } from "./citus.ts";

const extension = "/usr/share/postgresql/15/extension/citus.control";

/** Three servers start, and a migration there takes ten times as long as on one: what a hook on Citus may take. */
export const citusPatienceMs = 300_000;

/** The suite on a Citus cluster of its own; where Citus is not installed it appears as skipped, and says why. */
export function describeOnCitus(name: string, suite: (cluster: () => CitusCluster) => void): void {
  if (!existsSync(extension)) {
    describe.skip(`${name}: skipped, Citus is not installed (no ${extension})`, () => {});
    return;
  }
  describe(`${name} on Citus`, () => {
    let started: CitusCluster | undefined;
    beforeAll(async () => {
      started = await startCitus();
    }, citusPatienceMs);
    afterAll(() => started?.stop());
    suite(() => {
      if (started === undefined) throw new Error("the Citus cluster has not started");
      return started;
    });
  });
}
