import { ContractError, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, type Scope, sql, type Transaction } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import { jsonTime } from "../json-time.ts";

export type LegalHold = ResultOf<Routes["holds.set"]>;

/** The row `h` of `app.legal_holds` as the API shows it. */
export const holdColumns = sql<LegalHold>`h.tenant_id as "tenantId",
  (select slug from app.tenants where id = h.tenant_id) as slug, h.reason, h.set_by as "setBy", ${jsonTime("h.set_at")} as "setAt"`;

/** Whether the tenant `t` is under a legal hold. */
export const isHeld: RawBuilder<boolean> = sql`exists (select from app.legal_holds h where h.tenant_id = t.id)`;

/** Why, or undefined where it is not held. */
export const readHold = async (scope: Scope | Transaction, tenantId: string): Promise<LegalHold | undefined> => {
  const [hold] = await scope.run(
    sql<LegalHold>`select ${holdColumns} from app.legal_holds h where h.tenant_id = ${tenantId}::uuid`.compile(build),
  );
  return hold;
};

export const heldError = ({ slug, reason }: LegalHold): ContractError =>
  new ContractError(
    "legal_hold",
    `This tenant is under a legal hold, so its data is not removed: ${reason}.`,
    `When the reason is gone: \`tenantctl hold release ${slug}\`; then do this again.`,
  );
