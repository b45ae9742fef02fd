import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { Delivery, DeliveryAttempt, deliveryStatuses, SendResult } from "../schemas/delivery.ts";
import { Closed, Cursor, Limit, Line, OneOf, Uuid } from "../schemas/values.ts";

const tag = "contacts";
const params = Closed({ id: Uuid("The delivery's id") });
const example = { params: { id: "01890000-0000-7000-8000-000000000012" } };

export const deliveryRoutes = {
  "deliveries.list": route({
    method: "GET",
    path: "/api/admin/deliveries",
    tag,
    summary: "List what was sent to contacts, and what is to be",
    description: "The newest first; kept for 30 days.",
    access: operatorAccess("contacts:read"),
    query: Closed({
      status: Type.Optional(OneOf(deliveryStatuses, "Only deliveries in this status")),
      contact: Type.Optional(Line("Only to this contact", 60)),
      subject: Type.Optional(Line("Only about this: an alert's id", 200)),
      limit: Limit(),
      cursor: Cursor,
    }),
    responses: { 200: Type.Array(Delivery) },
    errors: ["invalid_cursor"],
    list: "array",
    example: { query: { status: "failed" } },
  }),
  "deliveries.get": route({
    method: "GET",
    path: "/api/admin/deliveries/:id",
    tag,
    summary: "Show a delivery, its tries and its body",
    access: operatorAccess("contacts:read"),
    params,
    responses: {
      200: Type.Object(
        {
          ...Delivery.properties,
          body: Type.Record(Type.String(), Type.Unknown(), { description: "What was signed and sent" }),
          tries: Type.Array(DeliveryAttempt, { description: "The newest 20, newest first" }),
        },
        { additionalProperties: false },
      ),
    },
    errors: ["not_found"],
    example,
  }),
  "deliveries.resend": route({
    method: "POST",
    path: "/api/admin/deliveries/:id/resend",
    tag,
    summary: "Send a delivery again, now",
    description:
      "With the same id, whatever its status; waits up to 16 seconds for the answer. Where it fails it is tried again for a day.",
    access: operatorAccess("contacts:write"),
    params,
    responses: { 200: SendResult },
    errors: ["not_found", "channel_missing", "edit_conflict"],
    audit: { action: "resend", resourceType: "delivery" },
    example,
  }),
};
