import { ContractError, type ResultOf, type Routes } from "@tenantctl/contract";
import type { Claimed } from "./claim.ts";
import type { Sent } from "./send-webhook.ts";

/** What somebody who waited for a try is told. */
export const sendResult = (
  { id, host }: Claimed,
  { status, fault, durationMs }: Sent,
): ResultOf<Routes["deliveries.resend"]> => ({
  host,
  ok: fault === undefined,
  error: fault?.error ?? null,
  next: fault?.next ?? null,
  status,
  durationMs,
  deliveryId: id,
});

export const noChannel = (contact: string): ContractError =>
  new ContractError(
    "channel_missing",
    `${contact} has no webhook.`,
    "Give it one: `tenantctl contacts set NAME --webhook-url URL`.",
  );
