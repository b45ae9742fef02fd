import type { Readable } from "node:stream";
import { ContractError } from "@tenantctl/contract";
import type { App } from "../app.ts";
import type { Principal } from "../principal.ts";

/** Documents that one tenant's users and tokens read at once in one process, and those of all tenants. */
const mostOfOne = 2;
const mostOfAll = 5;

interface UnderWay {
  all: number;
  readonly byTenant: Map<string, number>;
}
const underWay = new WeakMap<App, UnderWay>();

const take = (counts: UnderWay, tenantId: string): (() => void) => {
  const own = counts.byTenant.get(tenantId) ?? 0;
  if (own >= mostOfOne) {
    throw new ContractError(
      "rate_limited",
      `${own} exports of this tenant are being read already.`,
      "Read one of them to its end, or give it up, and ask again.",
      { retryAfter: 5 },
    );
  }
  if (counts.all >= mostOfAll) {
    throw new ContractError("overloaded", `${counts.all} exports are being read already.`, "Ask again in a moment.", {
      retryAfter: 5,
    });
  }
  counts.all += 1;
  counts.byTenant.set(tenantId, own + 1);
  return () => {
    counts.all -= 1;
    const left = (counts.byTenant.get(tenantId) ?? 1) - 1;
    if (left === 0) counts.byTenant.delete(tenantId);
    else counts.byTenant.set(tenantId, left);
  };
};

/**
 * Opens a document that holds a connection for as long as its reader takes. Of those that tenants ask for themselves there
 * are few at once: a tenant that lets them stand still must not keep others from theirs, nor operators from backups.
 * Throws rate_limited where this tenant has enough of them, overloaded where all together have.
 */
export const inDocumentTurn = async <T>(
  app: App,
  principal: Principal,
  open: () => Promise<T>,
  bodyOf: (opened: T) => Readable,
): Promise<T> => {
  if (principal.kind !== "user" && principal.kind !== "tenantToken") return open();
  const counts = underWay.get(app) ?? { all: 0, byTenant: new Map() };
  underWay.set(app, counts);
  const leave = take(counts, principal.tenantId);
  try {
    const opened = await open();
    bodyOf(opened).once("close", leave);
    return opened;
  } catch (error) {
    leave();
    throw error;
  }
};
