import { ContractError } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import { jsonRow } from "../json-page.ts";
import { type User, userBytes, userColumns } from "./user-row.ts";

export const noSuchUser = (): ContractError =>
  new ContractError("not_found", "There is no such user.", "`tenantctl users list` shows them.");

interface LockedUser {
  readonly user: User;
  readonly bytes: number;
}

/**
 * Locks a user, and all who are admins at that moment: two requests that would each leave the other's admin as the last
 * one pass one after the other. Throws not_found, and last_admin where `wouldBeAdmin` is false of the last one.
 */
export const lockUser = async (
  tx: Transaction,
  tenantId: string,
  userId: string,
  wouldBeAdmin: (user: User) => boolean,
): Promise<LockedUser> => {
  const id = userId.toLowerCase();
  const rows = await tx.run(
    sql<{ json: string; bytes: number }>`select ${jsonRow(userColumns)} as json, ${userBytes} as bytes from app.users
      where tenant_id = ${tenantId}::uuid and (id = ${id}::uuid or (role = 'tenant_admin' and disabled_at is null))
      order by id for update`.compile(build),
  );
  const locked = rows.map(({ json, bytes }): LockedUser => ({ user: JSON.parse(json), bytes }));
  const found = locked.find(({ user }) => user.id === id);
  if (found === undefined) throw noSuchUser();
  const isAdmin = ({ user }: LockedUser): boolean => user.role === "tenant_admin" && !user.disabled;
  if (isAdmin(found) && !wouldBeAdmin(found.user) && locked.filter(isAdmin).length === 1) {
    throw new ContractError(
      "last_admin",
      "This is the last tenant_admin who can log in.",
      "Make another user a tenant_admin first.",
    );
  }
  return found;
};
