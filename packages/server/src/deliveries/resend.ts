import { ContractError, type Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { audited } from "../audit/audited.ts";
import type { Handler } from "../call.ts";
import { claimNow } from "./claim.ts";
import { noSuchDelivery } from "./delivery-row.ts";
import { noChannel, sendResult } from "./send-result.ts";

interface Found {
  readonly status: string;
  readonly contact: string;
  readonly channelId: string | null;
}

/** Sends a delivery again here and now, and waits for the answer. Throws not_found, channel_missing, edit_conflict. */
export const resend: Handler<Routes["deliveries.resend"]> = async (call) => {
  const id = call.params.id.toLowerCase();
  const claimed = await call.scope.transaction(async (transaction) => {
    const [found] = await transaction.run(
      sql<Found>`select status, contact, channel_id as "channelId" from app.deliveries where id = ${id}::uuid for update`.compile(
        build,
      ),
    );
    if (found === undefined) throw noSuchDelivery();
    if (found.channelId === null) throw noChannel(found.contact);
    const [mine] = await transaction.run(claimNow(uuidv7(), id));
    if (mine === undefined) {
      throw new ContractError(
        "edit_conflict",
        "This delivery is being sent at this moment.",
        `See what becomes of it: \`tenantctl deliveries show ${id}\`.`,
        { retryAfter: 15 },
      );
    }
    const before = { status: found.status };
    await transaction.run(audited(call, { resourceId: id, before, after: { status: "pending" } }));
    return mine;
  });
  return sendResult(claimed, await call.app.deliverer.send(claimed));
};
