import { build, type Snapshot, sql } from "@tenantctl/database";
import { noSuchTenant } from "../tenants/find-tenant.ts";
import { tenantJson } from "../tenants/tenant-json.ts";
import type { ExportedTable } from "./exported-table.ts";

export const exportFormat = "tenantctl-export/1";

/** Rows in memory at once, twice over: the next ones are fetched while these leave. */
const batchSize = 200;

/** How values look as text; pinned, for a database's or a role's own settings must not change what an export says. */
const textForms = {
  timezone: "UTC",
  datestyle: "ISO, YMD",
  intervalstyle: "iso_8601",
  extra_float_digits: "1",
  bytea_output: "hex",
  xmlbinary: "base64",
  lc_monetary: "C",
  search_path: "pg_catalog",
};

export interface ExportHead {
  readonly slug: string;
  readonly tenant: string;
  readonly exportedAt: string;
}

/** Pins how values look, and reads whose export it is. Throws tenant_not_found. */
export const readHead = async (snapshot: Snapshot, tenantId: string): Promise<ExportHead> => {
  for (const [name, value] of Object.entries(textForms)) {
    await snapshot.run(sql`set local ${sql.id(name)} = ${sql.lit(value)}`.compile(build));
  }
  const [row] = await snapshot.run(
    sql<ExportHead>`select t.slug, ${tenantJson}::text as tenant,
        to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "exportedAt"
      from app.tenants t where t.id = ${tenantId}::uuid`.compile(build),
  );
  if (row === undefined) throw noSuchTenant();
  return row;
};

/** The document piece by piece; memory holds a few hundred rows, however many there are. */
export async function* exportDocument(
  snapshot: Snapshot,
  head: ExportHead,
  tenantId: string,
  tables: readonly ExportedTable[],
): AsyncGenerator<string> {
  const exactText = Object.fromEntries(tables.map((table) => [table.key, table.exactText]));
  const counts: Record<string, number> = {};
  yield `{"format":"${exportFormat}","exportedAt":"${head.exportedAt}","tenant":${head.tenant},"exactText":${JSON.stringify(exactText)},"tables":{`;
  for (const [index, table] of tables.entries()) {
    yield `${index === 0 ? "" : ","}${JSON.stringify(table.key)}:[`;
    let count = 0;
    for await (const rows of snapshot.stream(table.rows(tenantId), { batchSize })) {
      yield (count === 0 ? "" : ",") + rows.map((row) => row.json).join(",");
      count += rows.length;
    }
    counts[table.key] = count;
    yield "]";
  }
  yield `},"counts":${JSON.stringify(counts)}}\n`;
}
