import { loadTenants } from "../load-tenants.ts";
import { type Bench, section } from "../section.ts";
import { logIn, unlimited } from "../users.ts";
import { openWire } from "../wire.ts";

const requestsEach = 25;
const role = "tenantctl_tenant";

/** How often an API waits for PostgreSQL while it answers a tenant's read, counted between the two. */
export const roundTrips = section({
  name: "round-trips",
  measures: {
    reads: {
      what: "round trips to PostgreSQL per authenticated tenant read, on the wire",
      unit: "round trips",
      better: "lower",
      must: 1,
      aim: 1,
    },
  },
  about: () => `Round trips: each of ${requestsEach * 3} requests (list, get, users), one after the other.`,
  run: async (bench: Bench) => {
    const system = await bench.shared();
    await loadTenants(system, { name: "wired", kind: "03", count: 1, customers: 100 });
    const [user] = await logIn(system, ["wired-1"]);
    const wire = await openWire(Number(system.superuser.PGPORT));
    bench.after(() => wire.close());
    const through = new URL(system.databaseUrl);
    through.port = String(wire.port);
    // Without jobs of its own, which would talk in between.
    const wired = { ...unlimited, DATABASE_URL: through.href, TENANTCTL_JOBS: "false" };
    const api = await system.startApi("api-on-the-wire", wired);
    bench.after(() => api.stop());
    const [customer] = await system.sql("select id from app.customers where tenant_id = $1 limit 1", [user?.tenantId]);
    const paths = ["/api/customers?limit=50", `/api/customers/${String(customer?.id)}`, "/api/tenants/users"];
    const answered = async (path: string): Promise<number> => {
      const before = wire.roundTrips(role);
      const response = await fetch(new URL(path, api.url), { headers: { authorization: `Bearer ${user?.token}` } });
      await response.text();
      if (response.status !== 200) throw new Error(`${path} answered ${response.status}`);
      return wire.roundTrips(role) - before;
    };
    for (const path of [...paths, ...paths]) await answered(path); // connections that start say more
    const values: number[] = [];
    for (let turn = 0; turn < requestsEach; turn += 1) for (const path of paths) values.push(await answered(path));
    return { reads: { values } };
  },
});
