import { build, sql, type Transaction } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";

interface ChannelRow {
  readonly id: string;
  readonly url: string;
  readonly host: string;
  readonly disabled: boolean;
}

/** What the audit log may know of a channel. */
export interface ChannelName {
  readonly id: string;
  readonly host: string;
}

export const readChannels = (transaction: Transaction, contactId: string): Promise<ChannelRow[]> =>
  transaction.run(
    sql<ChannelRow>`select id, url, host, disabled_at is not null as disabled from app.contact_channels
      where contact_id = ${contactId}::uuid order by id for update`.compile(build),
  );

export const nameOf = ({ id, host }: ChannelName): ChannelName => ({ id, host });

/** What has not been sent to these channels is not sent any more. */
export const cancelPending = (channels: readonly ChannelName[]) =>
  sql<never>`update app.deliveries set status = 'cancelled', finished_at = now()
    where channel_id = any(${channels.map(({ id }) => id)}::uuid[]) and status = 'pending'`.compile(build);

/**
 * Makes these URLs all that a contact has. A channel that stays keeps its id, and one that was disabled is enabled again.
 * Gives the channels before and after, or undefined where nothing is different.
 */
export const replaceChannels = async (
  transaction: Transaction,
  contactId: string,
  urls: readonly URL[],
): Promise<{ before: ChannelName[]; after: ChannelName[]; enabled: boolean } | undefined> => {
  const present = await readChannels(transaction, contactId);
  const wanted = new Map(urls.map((url) => [url.href, url]));
  const gone = present.filter(({ url }) => !wanted.has(url));
  const kept = present.filter(({ url }) => wanted.has(url));
  const fresh = [...wanted.values()]
    .filter(({ href }) => !present.some(({ url }) => url === href))
    .map(({ href, host }) => ({ id: uuidv7(), url: href, host }));
  const enabled = kept.some(({ disabled }) => disabled);
  if (gone.length + fresh.length === 0 && !enabled) return undefined;
  await transaction.run(cancelPending(gone));
  await transaction.run(
    sql`delete from app.contact_channels where id = any(${gone.map(({ id }) => id)}::uuid[])`.compile(build),
  );
  await transaction.run(
    sql`update app.contact_channels set disabled_at = null, failing_since = null
      where contact_id = ${contactId}::uuid and disabled_at is not null`.compile(build),
  );
  for (const { id, url, host } of fresh) {
    await transaction.run(
      sql`insert into app.contact_channels (id, contact_id, url, host)
        values (${id}::uuid, ${contactId}::uuid, ${url}, ${host})`.compile(build),
    );
  }
  return { before: present.map(nameOf), after: [...kept, ...fresh].map(nameOf), enabled };
};
