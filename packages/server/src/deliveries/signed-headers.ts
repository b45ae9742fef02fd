import { Webhook } from "standardwebhooks";
import type { Claimed } from "./claim.ts";

/** The headers of Standard Webhooks: id (the same over all tries), time, and a signature for each secret that is valid. */
export const signedHeaders = ({
  id,
  body,
  now,
  secrets,
}: Pick<Claimed, "id" | "body" | "now" | "secrets">): Record<string, string> => ({
  "webhook-id": id,
  "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
  "webhook-signature": secrets.map((secret) => new Webhook(secret).sign(id, now, body)).join(" "),
});
