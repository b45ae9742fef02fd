import type { ResultOf, Routes } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import { jsonTime } from "../json-time.ts";

export type Customer = ResultOf<Routes["customers.get"]>;

/** A customer as the contract writes it. */
export const customerColumns = sql`id, name, email, phone, notes, balance_minor as "balanceMinor", currency,
  ${jsonTime("created_at")} as "createdAt", ${jsonTime("updated_at")} as "updatedAt"`;

/** What a caller may set, and where it is stored. */
export const customerFields = {
  name: "name",
  email: "email",
  phone: "phone",
  notes: "notes",
  balanceMinor: "balance_minor",
  currency: "currency",
} as const satisfies Partial<Record<keyof Customer, string>>;

/** What a stored row weighs; taken from the table, for a row on its way into it is not yet compressed. */
export const customerBytes = sql<number>`pg_column_size(customers.*)`;
