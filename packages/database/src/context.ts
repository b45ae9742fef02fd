import { type Entry, tenantParameter } from "./entries.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** What stands for `sql` on Citus. */
  readonly onCitus?: string | undefined;
  /** Never prepared: `set local` carries another tenant's id each time. */
  readonly plain?: boolean;
  /** Plain, but the same each time: a pipeline may prepare it. */
  readonly fixed?: boolean;
  /** Its rows are wanted as the text that COPY would send of them. */
  readonly asCopyText?: boolean;
}

const plain = (sql: string): Statement => ({ sql, parameters: [], plain: true });
const fixed = (sql: string): Statement => ({ ...plain(sql), fixed: true });

/** What a scope sends ahead of its first statement; each is a message of its own (Citus forwards whole strings). */
export function opening(
  begin: string,
  tenantId: string | undefined,
  entries: Entry | readonly Entry[] | undefined,
  locked: readonly string[] = [],
): readonly Statement[] {
  const checks = entries === undefined ? [] : "sql" in entries ? [entries] : entries;
  return [
    fixed(begin),
    // Before the first statement that takes a snapshot.
    ...(locked.length === 0 ? [] : [plain(`lock table ${locked.join(", ")} in access share mode`)]),
    ...(tenantId === undefined ? [] : [plain(`set local app.tenant_id = '${checkedTenantId(tenantId)}'`)]),
    ...checks.map((check) => bindTenant(check, tenantId)),
  ];
}

export const commit = fixed("commit");
export const rollback = plain("rollback");

function checkedTenantId(tenantId: string): string {
  if (!uuid.test(tenantId)) {
    throw new TypeError("A tenant's context needs the tenant's id, a lower-case UUID.");
  }
  return tenantId;
}

function bindTenant(check: Entry, tenantId: string | undefined): Statement {
  const parameters = check.parameters.map((value) => {
    if (value === tenantParameter && tenantId === undefined) {
      throw new TypeError("This entry check is about a tenant, and the scope has none.");
    }
    return value === tenantParameter ? tenantId : value;
  });
  return { sql: check.sql, onCitus: check.onCitus, parameters };
}

/** The statements as this kind of database takes them. */
export const spokenTo = (citus: boolean, statements: readonly Statement[]): readonly Statement[] =>
  citus ? statements.map((statement) => ({ ...statement, sql: statement.onCitus ?? statement.sql })) : statements;
