import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe } from "vitest";
import { type CitusCluster, startCitus } from "./citus.ts";

const extension = "/usr/share/postgresql/15/extension/citus.control";

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
    });
    afterAll(() => started?.stop());
    suite(() => {
      if (started === undefined) throw new Error("the Citus cluster has not started");
      return started;
    });
  });
}
