import { ContractError } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import { jsonTime } from "../json-time.ts";

/** An operator as the API shows one. */
export interface OperatorRow {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly disabled: boolean;
  readonly mustChangePassword: boolean;
  readonly lastLoginAt: string | null;
  readonly createdAt: string;
}

/** The columns of `OperatorRow`, of `app.operators`. */
export const operatorColumns = sql`id, name, email, disabled_at is not null as disabled,
  must_change_password as "mustChangePassword", ${jsonTime("last_login_at")} as "lastLoginAt",
  ${jsonTime("created_at")} as "createdAt"`;

export const noSuchOperator = (): ContractError =>
  new ContractError("not_found", "There is no such operator.", "`tenantctl operators list` shows the operators.");
