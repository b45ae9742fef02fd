import { rmSync } from "node:fs";
import { join } from "node:path";
import type { BenchSystem } from "./bench-system.ts";
import type { Timing } from "./compare.ts";
import { type Candidate, measure } from "./measure.ts";
import { runProgram } from "./run-program.ts";

export interface RestoreTimes {
  readonly tenantctl: Timing;
  readonly copy: Timing;
}

/** Restores one tenant as another: from its archive with tenantctl, and the rows alone (as a superuser) with psql's \copy. */
export const measureRestore = async (
  system: BenchSystem,
  tenant: string,
  rows: number,
  rounds: number,
  log: (line: string) => void,
): Promise<RestoreTimes> => {
  const { folder, bin, superuser, sql, url, token } = system;
  const [node, tenantctl] = system.tenantctl;
  const env = { PATH: process.env.PATH, HOME: folder };
  const operator = { cwd: folder, env: { ...env, TENANTCTL_API_URL: url, TENANTCTL_TOKEN: token } };
  const psql = (command: string) =>
    runProgram(join(bin, "psql"), ["-qX", "-v", "ON_ERROR_STOP=1", "-c", command], {
      cwd: folder,
      env: { ...env, ...superuser },
    });

  const repository = join(folder, "repository");
  await runProgram(node, [tenantctl, "backup", "--repo", repository, "--tenant", tenant], operator);
  const text = join(folder, "customers.copy");
  const target = "01890000-0000-7000-80ff-000000000001";
  const columns = "tenant_id, id, name, email, phone, notes, balance_minor, currency, created_at, updated_at";
  const moved = columns.replace("tenant_id", `'${target}'`);
  await psql(
    `\\copy (select ${moved} from app.customers where tenant_id = (select id from app.tenants where slug = '${tenant}') order by id) to '${text}'`,
  );

  const rowsOf = async (slug: string): Promise<number> => {
    const [row] = await sql(
      "select count(*)::int as rows from app.customers where tenant_id = (select id from app.tenants where slug = $1)",
      [slug],
    );
    return Number(row?.rows);
  };
  /** Both begin with tables that have room for the rows, and with nothing left to write out. */
  const remove = async (slug: string): Promise<void> => {
    if ((await rowsOf(slug)) !== rows) throw new Error(`a candidate did not do its work: ${rows} rows of ${slug}`);
    const tables = await sql(
      "select table_name::regclass::text as name from tenancy.table_classes where class in ('protected', 'retained')",
    );
    await sql("set session_replication_role = replica");
    for (const { name } of tables)
      await sql(`delete from ${String(name)} where tenant_id = (select id from app.tenants where slug = $1)`, [slug]);
    await sql("delete from app.tenants where slug = $1", [slug]);
    await sql("reset session_replication_role");
    await sql("vacuum analyze");
    await sql("checkpoint");
  };
  const candidates: Candidate[] = [
    {
      name: "tenantctl restore",
      run: async () => {
        const args = [tenantctl, "restore", tenant, "--repo", repository, "--as-new", "restored-copy"];
        return (await runProgram(node, args, operator)).seconds;
      },
      cleanUp: () => remove("restored-copy"),
    },
    {
      name: "psql \\copy",
      prepare: async () =>
        void (await sql(
          "insert into app.tenants (id, slug, name, plan) values ($1, 'copied', 'Copied', 'enterprise')",
          [target],
        )),
      run: async () => (await psql(`\\copy app.customers (${columns}) from '${text}'`)).seconds,
      cleanUp: () => remove("copied"),
    },
  ];
  try {
    const [first, second] = await measure(candidates, rounds, log);
    if (first === undefined || second === undefined) throw new Error("a candidate is missing");
    return { tenantctl: first, copy: second };
  } finally {
    rmSync(text, { force: true });
    rmSync(repository, { recursive: true, force: true });
  }
};
