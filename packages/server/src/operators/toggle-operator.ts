import { ContractError, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import { endSessions, realmOf, voidResets } from "../auth/realm.ts";
import type { Call } from "../call.ts";
import { tokensLeft } from "../tokens/tokens-left.ts";
import { noSuchOperator, type OperatorRow, operatorColumns } from "./operator.ts";

/**
 * Locks every operator who can log in, in one order, and gives their ids: two who disable each other at once come one
 * after the other, and the second finds that only one is left.
 */
const lockAble = (tx: Transaction) =>
  tx.run(
    sql<{ id: string }>`select id from app.operators where disabled_at is null and password_hash is not null
      order by id for update`.compile(build),
  );

const find = async (tx: Transaction, id: string): Promise<OperatorRow> => {
  const [row] = await tx.run(
    sql<OperatorRow>`select ${operatorColumns} from app.operators where id = ${id}::uuid for update`.compile(build),
  );
  if (row === undefined) throw noSuchOperator();
  return row;
};

const setDisabled = async (tx: Transaction, id: string, disabled: boolean): Promise<OperatorRow> => {
  const [row] = await tx.run(
    sql<OperatorRow>`update app.operators set disabled_at = ${disabled ? sql`now()` : sql`null`} where id = ${id}::uuid
      returning ${operatorColumns}`.compile(build),
  );
  if (row === undefined) throw noSuchOperator();
  return row;
};

type Toggled = ResultOf<Routes["operators.disable"]>;

const withTokens = async (tx: Transaction, operator: OperatorRow): Promise<Toggled> => {
  const [row] = await tx.run(
    sql<Pick<Toggled, "tokensLeft">>`select ${tokensLeft("operator", operator.id)} as "tokensLeft"`.compile(build),
  );
  if (row === undefined) throw new Error("a count answered no row");
  return { ...operator, ...row };
};

/** Disables an operator and ends their sessions, operator tokens and reset secrets. Throws not_found, last_operator. */
export const disableOperator = (call: Call<Routes["operators.disable"]>): Promise<Toggled> =>
  call.scope.transaction(async (tx) => {
    const { id } = call.params;
    const able = await lockAble(tx);
    const before = await find(tx, id);
    if (before.disabled) return withTokens(tx, before);
    if (!able.some((other) => other.id !== before.id)) {
      throw new ContractError(
        "last_operator",
        "This is the last operator who can log in.",
        "Create another first: `tenantctl operators create`.",
      );
    }
    const realm = realmOf(call.app, null);
    const [after] = await Promise.all([
      setDisabled(tx, id, true),
      tx.run(endSessions(realm, id, "disabled")),
      tx.run(voidResets(realm, id)),
      tx.run(
        sql`update app.operator_tokens set revoked_at = now() where created_by = ${id}::uuid and revoked_at is null`.compile(
          build,
        ),
      ),
      tx.run(audited(call, { resourceId: before.id, before: { disabled: false }, after: { disabled: true } })),
    ]);
    return withTokens(tx, after);
  });

/** Lets a disabled operator log in again; what was ended stays ended. Throws not_found. */
export const enableOperator = (call: Call<Routes["operators.enable"]>): Promise<Toggled> =>
  call.scope.transaction(async (tx) => {
    const before = await find(tx, call.params.id);
    if (!before.disabled) return withTokens(tx, before);
    const [after] = await Promise.all([
      setDisabled(tx, before.id, false),
      tx.run(audited(call, { resourceId: before.id, before: { disabled: true }, after: { disabled: false } })),
    ]);
    return withTokens(tx, after);
  });
