import { ContractError, type Routes } from "@tenantctl/contract";
import { build, type Row, sql, type Transaction } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { audited } from "../audit/audited.ts";
import { changedFields } from "../audit/changed-fields.ts";
import type { Handler } from "../call.ts";
import { readWebhookUrl } from "../deliveries/webhook-url.ts";
import { normaliseEmail } from "../email.ts";
import { readChannels, replaceChannels } from "./contact-channels.ts";
import { contactName, readContact } from "./contact-row.ts";
import { checkSigningSecret, makeSigningSecret } from "./signing-secret.ts";

type ContactRow = Row<"app.contacts">;
type Role = ContactRow["role"];

const lock = (transaction: Transaction, name: string): Promise<ContactRow[]> =>
  transaction.run(sql<ContactRow>`select * from app.contacts where name = ${name} for update`.compile(build));

const roleMissing = (): ContractError =>
  new ContractError("invalid_request", "A new contact needs a role.", "Add --role, for example --role on_call.", {
    faults: [{ path: "body.role", message: "is required for a new contact" }],
  });

/** The contact, locked, and whether it is new. */
const lockOrInsert = async (
  transaction: Transaction,
  name: string,
  role: Role | undefined,
): Promise<{ row: ContactRow; isNew: boolean }> => {
  const [present] = await lock(transaction, name);
  if (present !== undefined) return { row: present, isNew: false };
  if (role === undefined) throw roleMissing();
  const made = await transaction.run(
    sql<{ id: string }>`insert into app.contacts (id, name, role) values (${uuidv7()}::uuid, ${name}, ${role})
      on conflict (name) do nothing returning id`.compile(build),
  );
  const [row] = await lock(transaction, name);
  if (row === undefined) throw new ContractError("edit_conflict", "The contact was just removed.", "Send it again.");
  return { row, isNew: made.length > 0 };
};

const fieldsOf = ({ role, email, phone, minimum_severity }: ContactRow) => ({
  role,
  email,
  phone,
  minimumSeverity: minimum_severity,
});

/** The one before signs beside the new one for a day, so that receivers can be given the new one meanwhile. */
const replaceSecret = (id: string, secret: string) =>
  sql<never>`update app.contacts set previous_secret = signing_secret,
    previous_secret_until = case when signing_secret is not null then now() + interval '1 day' end, signing_secret = ${secret}
    where id = ${id}::uuid`.compile(build);

/** Adds or changes a contact. Throws invalid_request, webhook_refused, edit_conflict. */
export const setContact: Handler<Routes["contacts.set"]> = async (call) => {
  const { body } = call;
  const { allowed } = call.app.deliverer;
  const name = contactName(call.params.name);
  const given = body.signingSecret === undefined ? undefined : checkSigningSecret(body.signingSecret);
  const urls =
    body.webhookUrls === undefined
      ? undefined
      : await Promise.all(body.webhookUrls.map((text) => readWebhookUrl(text, allowed)));
  return call.scope.transaction(async (transaction) => {
    const { row, isNew } = await lockOrInsert(transaction, name, body.role);
    const fields = changedFields<ReturnType<typeof fieldsOf>>(fieldsOf(row), {
      role: body.role,
      email: typeof body.email === "string" ? normaliseEmail(body.email) : body.email,
      phone: body.phone,
      minimumSeverity: body.minimumSeverity,
    });
    const channels = urls === undefined ? undefined : await replaceChannels(transaction, row.id, urls);
    const isReached = (channels?.after ?? (await readChannels(transaction, row.id))).length > 0;
    const made =
      given === undefined && (body.rotateSecret === true || (isReached && row.signing_secret === null))
        ? makeSigningSecret()
        : undefined;
    const secret = made ?? (given === row.signing_secret ? undefined : given);

    const changed = isNew || fields !== undefined || channels !== undefined || secret !== undefined;
    if (changed) {
      const { role, email, phone, minimumSeverity } = { ...fieldsOf(row), ...fields?.after };
      await transaction.run(
        sql`update app.contacts set role = ${role}, email = ${email}, phone = ${phone}, minimum_severity = ${minimumSeverity},
          updated_at = now() where id = ${row.id}::uuid`.compile(build),
      );
      if (secret !== undefined) await transaction.run(replaceSecret(row.id, secret));
      const after = {
        ...(isNew ? { ...fieldsOf(row), ...fields?.after } : fields?.after),
        ...(channels === undefined ? {} : { webhooks: channels.after, enabled: channels.enabled }),
        // That it is another one, never which.
        ...(secret === undefined ? {} : { signingSecret: "new" }),
      };
      const before = { ...fields?.before, ...(channels === undefined ? {} : { webhooks: channels.before }) };
      await transaction.run(audited(call, { resourceId: name, before: isNew ? null : before, after }));
    }
    return { ...(await readContact(transaction, row.id)), signingSecret: made ?? null, changed };
  });
};
