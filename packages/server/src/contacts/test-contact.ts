import type { Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { audited } from "../audit/audited.ts";
import type { Handler } from "../call.ts";
import { claimNow } from "../deliveries/claim.ts";
import { bodyOf, type Note } from "../deliveries/enqueue.ts";
import { noChannel, sendResult } from "../deliveries/send-result.ts";
import { contactName, noSuchContact } from "./contact-row.ts";

interface Channel {
  readonly contactId: string;
  readonly id: string | null;
  readonly host: string;
  readonly now: string;
}

const channelsOf = (name: string) =>
  sql<Channel>`select c.id as "contactId", ch.id, ch.host, to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as now
    from app.contacts c left join app.contact_channels ch on ch.contact_id = c.id
    where c.name = ${name} order by ch.host, ch.id for key share of c`.compile(build);

const noteTo = (contact: string): Note => ({
  event: "contact.test",
  severity: "info",
  roles: [],
  subject: { type: "contact", id: contact },
  payload: { contact, summary: "This is a test: alerts will come the same way." },
});

/** Sends a signed test event to each webhook of a contact and waits for what they say. Throws not_found, channel_missing. */
export const testContact: Handler<Routes["contacts.test"]> = async (call) => {
  const name = contactName(call.params.name);
  const claimed = await call.scope.transaction(async (transaction) => {
    const found = await transaction.run(channelsOf(name));
    if (found.length === 0) throw noSuchContact();
    const channels = found.filter(({ id }) => id !== null);
    if (channels.length === 0) throw noChannel(name);
    const note = noteTo(name);
    const mine = [];
    for (const { id, host, now } of channels) {
      const delivery = uuidv7();
      await transaction.run(
        sql`insert into app.deliveries (id, channel_id, contact, host, event, severity, subject_type, subject_id, body)
          values (${delivery}::uuid, ${id}::uuid, ${name}, ${host}, ${note.event}, ${note.severity},
            ${note.subject.type}, ${note.subject.id}, ${bodyOf(note, now)})`.compile(build),
      );
      mine.push(...(await transaction.run(claimNow(uuidv7(), delivery))));
    }
    const deliveries = mine.map(({ id, host }) => ({ id, host }));
    await transaction.run(audited(call, { resourceId: name, after: { deliveries } }));
    return mine;
  });
  const results = await Promise.all(claimed.map(async (one) => sendResult(one, await call.app.deliverer.send(one))));
  return { ok: results.every(({ ok }) => ok), results };
};
