import type { BodyOf, Routes } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import { noSuchTenant } from "../tenants/find-tenant.ts";
import { type Maintenance, maintenanceColumns, type Place, rowOf, stands } from "./place.ts";

type Wanted = BodyOf<Routes["maintenance.on"]>;
/** A maintenance, wherever it is. */
export type Standing = Omit<Maintenance, "tenantId" | "slug">;

const time = (moment: RawBuilder<unknown>) =>
  sql`to_char((${moment}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** What stands there now, with the row locked until the transaction ends: of two operators the second sees what the first did. */
export const lockMaintenance = async (transaction: Transaction, place: Place): Promise<Standing | undefined> => {
  const { table, where } = rowOf(place);
  const [row] = await transaction.run(
    sql<Standing & { standing: boolean }>`select ${maintenanceColumns}, ${stands("p.maintenance")} as standing
      from ${table} where ${where} for update`.compile(build),
  );
  if (row === undefined) throw noSuchTenant();
  const { standing, ...maintenance } = row;
  return standing ? maintenance : undefined;
};

/** True where it stands as wanted already. A new length is another end each time. */
export const isSo = (before: Standing | undefined, { readOnly, reason, forSeconds }: Wanted): before is Standing =>
  before !== undefined &&
  forSeconds === undefined &&
  before.endsAt === null &&
  before.mode === (readOnly === true ? "read_only" : "full") &&
  before.reason === (reason ?? null);

/** Puts the place into maintenance by the database's clock; one that stood goes on since it began. */
export const setMaintenance = async (
  transaction: Transaction,
  place: Place,
  { readOnly, reason, forSeconds }: Wanted,
  { before, setBy }: { readonly before: Standing | undefined; readonly setBy: string },
): Promise<Standing> => {
  const { table, where } = rowOf(place);
  const startedAt = before?.startedAt == null ? time(sql`now()`) : sql`${before.startedAt}::text`;
  const endsAt =
    forSeconds === undefined ? sql`null::text` : time(sql`now() + make_interval(secs => ${forSeconds}::int)`);
  const [row] = await transaction.run(
    sql<Standing>`update ${table} set maintenance = jsonb_build_object(
        'mode', ${readOnly === true ? "read_only" : "full"}::text, 'reason', ${reason ?? null}::text,
        'startedAt', ${startedAt}, 'endsAt', ${endsAt}, 'setBy', ${setBy}::text)
      where ${where} returning ${maintenanceColumns}`.compile(build),
  );
  if (row === undefined) throw noSuchTenant();
  return row;
};

/** Ends it, and clears one that had ended by itself. */
export const clearMaintenance = async (transaction: Transaction, place: Place): Promise<void> => {
  const { table, where } = rowOf(place);
  await transaction.run(
    sql`update ${table} set maintenance = null where ${where} and p.maintenance is not null`.compile(build),
  );
};
