/** A customer as pg reads it. */
export interface CustomerRow {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  readonly phone: string | null;
  readonly notes: string | null;
  /** A bigint, which pg gives as text. */
  readonly balance_minor: string;
  readonly currency: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export const columns = "id, name, email, phone, notes, balance_minor, currency, created_at, updated_at";

/** The same JSON as the API's. */
export const customerOf = (row: CustomerRow) => ({
  id: row.id,
  name: row.name,
  email: row.email,
  phone: row.phone,
  notes: row.notes,
  balanceMinor: Number(row.balance_minor),
  currency: row.currency,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});
