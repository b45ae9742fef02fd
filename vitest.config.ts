import { defineConfig } from "vitest/config";

export default defineConfig({
  // Tests of a package run on sources; tests that start a real process use the build that `pnpm test` makes first.
  ssr: { resolve: { conditions: ["source", "module", "node", "development|production"] } },
  resolve: { conditions: ["source", "module", "node", "development|production"] },
  test: {
    include: ["packages/*/test/**/*.test.ts"],
    globalSetup: ["packages/database/test/harness/global-setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    // Fault tests meet real processes at moments that last milliseconds; in CI a missed moment is tried once more.
    retry: process.env.CI ? 1 : 0,
  },
});
