import { type ContactRole, type NotificationEvent, type Severity, severities } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";

/** Something that contacts are told. */
export interface Note {
  readonly event: NotificationEvent;
  readonly severity: Severity;
  /** Everyone in one of these roles whose minimum severity is reached. */
  readonly roles: readonly ContactRole[];
  /** What it is about: an alert and its id. */
  readonly subject: { readonly type: string; readonly id: string };
  /** Becomes the body's `data`, beside severity and subject. No secrets; at most 64 KiB as JSON. */
  readonly payload: Readonly<Record<string, unknown>>;
}

interface OpenChannel {
  readonly id: string;
  readonly contact: string;
  readonly host: string;
  readonly role: ContactRole;
  readonly minimumSeverity: Severity;
  /** The database's time. */
  readonly now: string;
}

const rowsAtOnce = 500;
const mostBytes = 65_536;

/** Locked against removal until the transaction ends, so that a contact that goes meanwhile can't undo the caller's change. */
const openChannels =
  sql<OpenChannel>`select ch.id, c.name as contact, ch.host, c.role, c.minimum_severity as "minimumSeverity",
    to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as now
  from app.contact_channels ch join app.contacts c on c.id = ch.contact_id
  where ch.disabled_at is null order by ch.id for key share of ch`.compile(build);

/** The body that is signed and sent: Standard Webhooks' `{type, timestamp, data}`. */
export const bodyOf = ({ event, severity, subject, payload }: Note, timestamp: string): string => {
  const text = (data: object): string => JSON.stringify({ type: event, timestamp, data });
  const whole = text({ severity, subject, ...payload });
  // Losing the details is better than losing the page.
  return Buffer.byteLength(whole) <= mostBytes ? whole : text({ severity, subject, truncated: true });
};

const hears = ({ role, minimumSeverity }: OpenChannel, { roles, severity }: Note): boolean =>
  roles.includes(role) && severities.indexOf(severity) >= severities.indexOf(minimumSeverity);

/**
 * Writes one delivery for each channel of each contact that hears of a note, in the caller's operator transaction: what is
 * committed is sent, whatever becomes of this process. Gives how many were written per note; 0: nobody is told.
 */
export const enqueueNotifications = async (transaction: Transaction, notes: readonly Note[]): Promise<number[]> => {
  if (notes.length === 0) return [];
  const channels = await transaction.run(openChannels);
  const told = notes.map((note) => channels.filter((channel) => hears(channel, note)));
  const rows = notes.flatMap((note, index) =>
    (told[index] ?? []).map(
      (
        channel,
      ) => sql`(${uuidv7()}::uuid, ${channel.id}::uuid, ${channel.contact}, ${channel.host}, ${note.event}, ${note.severity},
        ${note.subject.type}, ${note.subject.id}, ${bodyOf(note, channel.now)})`,
    ),
  );
  for (let from = 0; from < rows.length; from += rowsAtOnce) {
    await transaction.run(
      sql`insert into app.deliveries (id, channel_id, contact, host, event, severity, subject_type, subject_id, body)
        values ${sql.join(rows.slice(from, from + rowsAtOnce))}`.compile(build),
    );
  }
  return told.map(({ length }) => length);
};

/** The same for one note. */
export const enqueueNotification = async (transaction: Transaction, note: Note): Promise<number> => {
  const [written = 0] = await enqueueNotifications(transaction, [note]);
  return written;
};
