import { expect, it } from "vitest";
import { describeOnEachCluster } from "./harness/clusters.ts";
import { createDatabase, withClient } from "./harness/database.ts";

describeOnEachCluster("the test harness", (cluster) => {
  it("gives an empty database whose owner is no superuser and may create roles", async () => {
    const database = await createDatabase({ cluster });
    try {
      const seen = await withClient(database.url, async (client) => {
        await client.query(`create role ${database.prefix}_probe nologin`);
        const { rows } = await client.query<{ super: boolean; createrole: boolean; owner: boolean }>(
          `select r.rolsuper as super, r.rolcreaterole as createrole, d.datdba = r.oid as owner
             from pg_roles r, pg_database d where r.rolname = current_user and d.datname = current_database()`,
        );
        return rows;
      });
      expect(seen).toEqual([{ super: false, createrole: true, owner: true }]);
    } finally {
      await database.drop();
    }
    const left = await withClient(cluster.adminUrl, (client) =>
      client.query("select rolname from pg_roles where rolname like $1", [`${database.prefix}%`]),
    );
    expect(left.rows).toEqual([]);
  });
});
