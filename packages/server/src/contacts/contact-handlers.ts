import { build, sql } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import type { Handlers } from "../call.ts";
import { cancelPending, nameOf, readChannels } from "./contact-channels.ts";
import { contactName, listContacts, noSuchContact, readContact } from "./contact-row.ts";
import { setContact } from "./set-contact.ts";
import { testContact } from "./test-contact.ts";

export const contactHandlers: Handlers<"contacts.list" | "contacts.set" | "contacts.remove" | "contacts.test"> = {
  "contacts.list": ({ scope }) => listContacts(scope),

  "contacts.set": setContact,

  "contacts.remove": (call) =>
    call.scope.transaction(async (transaction) => {
      const name = contactName(call.params.name);
      const [found] = await transaction.run(
        sql<{ id: string }>`select id from app.contacts where name = ${name} for update`.compile(build),
      );
      if (found === undefined) throw noSuchContact();
      const contact = await readContact(transaction, found.id);
      const channels = await readChannels(transaction, found.id);
      await transaction.run(cancelPending(channels));
      await transaction.run(sql`delete from app.contacts where id = ${found.id}::uuid`.compile(build));
      const { role, email, phone, minimumSeverity } = contact;
      const before = { role, email, phone, minimumSeverity, webhooks: channels.map(nameOf) };
      await transaction.run(audited(call, { resourceId: name, before, after: null }));
      return contact;
    }),

  "contacts.test": testContact,
};
