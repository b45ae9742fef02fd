import { build, type Scope, sql } from "@tenantctl/database";
import { type OperationBody, operationColumns } from "../operations/operation-row.ts";
import { type TenantBody, tenantJson } from "./tenant-json.ts";

export interface Tombstone {
  readonly tenant: TenantBody;
  /** The hard delete that made it one. */
  readonly operation: OperationBody | null;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What is left of a purged tenant, by its id: its slug may be another tenant's by now. */
export const readTombstone = async (scope: Scope, reference: string): Promise<Tombstone | undefined> => {
  if (!uuid.test(reference)) return undefined;
  const [row] = await scope.run(
    sql<Tombstone>`select ${tenantJson} as tenant,
        (select row_to_json(o) from (select ${operationColumns} from app.operations
          where tenant_id = t.id and kind = 'hard_delete' and status = 'succeeded' limit 1) o) as operation
      from app.tenants t where t.id = ${reference.toLowerCase()}::uuid and t.status = 'purged'`.compile(build),
  );
  return row;
};
