import { ContractError, contactRoles, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, type Scope, sql, type Transaction } from "@tenantctl/database";
import { jsonTime } from "../json-time.ts";

export type Contact = ResultOf<Routes["contacts.remove"]>;

const channels = sql`coalesce((select jsonb_agg(jsonb_build_object('id', ch.id, 'kind', ch.kind, 'host', ch.host,
    'status', case when ch.disabled_at is not null then 'disabled' when ch.failing_since is not null then 'failing' else 'ok' end,
    'since', to_char(coalesce(ch.disabled_at, ch.failing_since) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
    order by ch.host, ch.id) from app.contact_channels ch where ch.contact_id = c.id), '[]')`;

/** The row `c` of `app.contacts` as the API shows it: neither secrets nor more of a URL than its host. */
const contactColumns = sql<Contact>`c.name, c.role, c.email, c.phone, c.minimum_severity as "minimumSeverity", ${channels} as channels,
  case when c.previous_secret_until > now() then ${jsonTime("c.previous_secret_until")} end as "previousSecretUntil",
  ${jsonTime("c.updated_at")} as "updatedAt"`;

/** All contacts, in the order in which they are called. */
export const listContacts = (scope: Scope): Promise<Contact[]> =>
  scope.run(
    sql<Contact>`select ${contactColumns} from app.contacts c
      order by array_position(${[...contactRoles]}::text[], c.role), c.name limit 10000`.compile(build),
  );

export const readContact = async (transaction: Transaction, id: string): Promise<Contact> => {
  const [contact] = await transaction.run(
    sql<Contact>`select ${contactColumns} from app.contacts c where c.id = ${id}::uuid`.compile(build),
  );
  if (contact === undefined) throw noSuchContact();
  return contact;
};

export const noSuchContact = (): ContractError =>
  new ContractError("not_found", "There is no such contact.", "`tenantctl contacts list` shows the contacts.");

/** A name as it is kept. */
export const contactName = (name: string): string => name.trim().normalize("NFC");
