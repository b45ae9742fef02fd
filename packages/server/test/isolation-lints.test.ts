import { runLints } from "@tenantctl/database";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ settings: { jobs: true } });
  await server.provision();
});
afterAll(() => server?.stop());

const queued = (): Promise<true | undefined> =>
  withClient(server.app.db.jobsUrl, async (client) => {
    const { rows } = await client.query<{ there: boolean }>(
      "select to_regclass('graphile_worker._private_known_crontabs') is not null as there",
    );
    return rows[0]?.there === true ? true : undefined;
  });

it("a server at work, with its queue of jobs, has nothing that a lint finds", async () => {
  await until("the queue of jobs", queued);
  const results = await runLints(server.app.db.operator());
  expect(results.filter(({ findings }) => findings.length > 0)).toEqual([]);
});
