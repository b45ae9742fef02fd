import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { webAddressForm } from "../form-words.ts";
import { route } from "../route.ts";
import { Contact, ContactName, contactRoles, severities } from "../schemas/contact.ts";
import { SendResult } from "../schemas/delivery.ts";
import { Closed, Email, Line, Nullable, OneOf } from "../schemas/values.ts";

const tag = "contacts";
const params = Closed({ name: ContactName });
const example = { params: { name: "on-call" } };

export const contactRoutes = {
  "contacts.list": route({
    method: "GET",
    path: "/api/admin/contacts",
    tag,
    summary: "List whom the system tells, and how",
    access: operatorAccess("contacts:read"),
    responses: { 200: Type.Array(Contact) },
    example: {},
  }),
  "contacts.set": route({
    method: "PUT",
    path: "/api/admin/contacts/:name",
    tag,
    summary: "Add a contact, or change one",
    description:
      "What is left out stays as it is; a new contact needs a role. webhookUrls are all of its webhooks (https; none: an empty list). The signing secret is made with the first webhook and shown this once. A rotated one signs at once; the one before signs beside it for a day.",
    access: operatorAccess("contacts:write"),
    params,
    body: Closed({
      role: Type.Optional(OneOf(contactRoles, "What for")),
      email: Type.Optional(Nullable(Email("For people; nothing is sent there"))),
      phone: Type.Optional(Nullable(Line("For people; nothing is sent there", 60))),
      minimumSeverity: Type.Optional(OneOf(severities, "What is less severe is not sent; warning unless said")),
      webhookUrls: Type.Optional(
        Type.Array(
          Type.String({
            description: "An https URL",
            maxLength: 2048,
            pattern: webAddressForm,
          }),
          { maxItems: 5, description: "Where to send webhooks" },
        ),
      ),
      rotateSecret: Type.Optional(Type.Boolean({ description: "Make a new signing secret" })),
      signingSecret: Type.Optional(
        Type.String({
          description: "A signing secret of your own (whsec_…)",
          minLength: 38,
          maxLength: 94,
          // 24 to 64 bytes in base64, as Standard Webhooks has them.
          pattern: "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$",
          writeOnly: true,
        }),
      ),
    }),
    responses: {
      200: Type.Object(
        {
          ...Contact.properties,
          signingSecret: Nullable(Type.String({ description: "A new secret, this once" })),
          changed: Type.Boolean({ description: "Whether anything is different from before" }),
        },
        { additionalProperties: false },
      ),
    },
    errors: ["webhook_refused"],
    audit: { action: "set", resourceType: "contact" },
    example: { ...example, body: { role: "on_call", phone: "+49 30 1234567", minimumSeverity: "warning" } },
  }),
  "contacts.remove": route({
    method: "DELETE",
    path: "/api/admin/contacts/:name",
    tag,
    summary: "Remove a contact",
    description: "What has not reached it yet is not sent any more.",
    access: operatorAccess("contacts:write"),
    params,
    responses: { 200: Contact },
    errors: ["not_found"],
    audit: { action: "remove", resourceType: "contact" },
    example,
  }),
  "contacts.test": route({
    method: "POST",
    path: "/api/admin/contacts/:name/test",
    tag,
    summary: "Send a contact a signed test event",
    description:
      "One try to each of its webhooks, at once; waits up to 16 seconds for what they say. One that takes it is enabled again.",
    access: operatorAccess("contacts:write"),
    params,
    responses: { 200: Closed({ ok: Type.Boolean({ description: "All took it" }), results: Type.Array(SendResult) }) },
    errors: ["not_found", "channel_missing"],
    audit: { action: "test", resourceType: "contact" },
    example,
  }),
};
