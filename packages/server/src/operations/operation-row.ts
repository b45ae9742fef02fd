import { ContractError, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, type Scope, sql, type Transaction } from "@tenantctl/database";
import { jsonTime } from "../json-time.ts";

/** An operation as the API shows it. */
export type OperationBody = ResultOf<Routes["operations.get"]>;

/** The columns of `app.operations` as the contract writes them. */
export const operationColumns = sql<OperationBody>`id, kind, tenant_id as "tenantId", tenant_slug as "tenantSlug", status,
  coalesce(plan, '{}') as plan, coalesce(progress, '{}') as progress, result, error ->> 'detail' as error, error ->> 'code' as "errorCode",
  coalesce(requested_by -> 'actor' ->> 'name', requested_by -> 'actor' ->> 'type') as "requestedBy",
  ${jsonTime("created_at")} as "createdAt", ${jsonTime("started_at")} as "startedAt",
  ${jsonTime("finished_at")} as "finishedAt"`;

/** Throws not_found. */
export const readOperation = async (scope: Scope | Transaction, id: string): Promise<OperationBody> => {
  const [row] = await scope.run(
    sql<OperationBody>`select ${operationColumns} from app.operations where id = ${id}::uuid`.compile(build),
  );
  if (row === undefined) {
    throw new ContractError("not_found", "There is no such operation.", "`tenantctl operations list` shows them.");
  }
  return row;
};
