import type { Readable } from "node:stream";
import { ContractError } from "@tenantctl/contract";
import type { App } from "../app.ts";
import type { Principal } from "../principal.ts";

/** Documents that one tenant's users and tokens read at once in one process, and those of all tenants. */
const mostOfOne = 2;
const mostOfAll = 5;
/** Of each, how many may wait for their turn, and for how many milliseconds: most documents are read within that. */
const mostWaitingOfOne = 10;
const mostWaiting = 100;
const patienceMs = 3000;

interface Waiter {
  readonly tenantId: string;
  readonly go: () => void;
}
interface Turns {
  all: number;
  readonly byTenant: Map<string, number>;
  readonly waiting: Set<Waiter>;
}
const turnsOf = new WeakMap<App, Turns>();

const ownOf = ({ byTenant }: Turns, tenantId: string): number => byTenant.get(tenantId) ?? 0;

const isFree = (turns: Turns, tenantId: string): boolean => turns.all < mostOfAll && ownOf(turns, tenantId) < mostOfOne;

const refusal = (turns: Turns, tenantId: string): ContractError =>
  ownOf(turns, tenantId) >= mostOfOne
    ? new ContractError(
        "rate_limited",
        `${mostOfOne} exports of this tenant are being read already.`,
        "Read one of them to its end, or give it up, and ask again.",
        { retryAfter: 5 },
      )
    : new ContractError("overloaded", `${mostOfAll} exports are being read already.`, "Ask again in a moment.", {
        retryAfter: 5,
      });

/** Counts a document in. Gives what counts it out again, and lets those go ahead whom that makes room for. */
const take = (turns: Turns, tenantId: string): (() => void) => {
  turns.all += 1;
  turns.byTenant.set(tenantId, ownOf(turns, tenantId) + 1);
  return () => {
    turns.all -= 1;
    const left = ownOf(turns, tenantId) - 1;
    if (left === 0) turns.byTenant.delete(tenantId);
    else turns.byTenant.set(tenantId, left);
    for (const waiter of turns.waiting) if (isFree(turns, waiter.tenantId)) waiter.go();
  };
};

const turn = async (turns: Turns, tenantId: string): Promise<() => void> => {
  if (isFree(turns, tenantId)) return take(turns, tenantId);
  const own = [...turns.waiting].filter((waiter) => waiter.tenantId === tenantId).length;
  if (own >= mostWaitingOfOne || turns.waiting.size >= mostWaiting) throw refusal(turns, tenantId);
  return new Promise((resolve, reject) => {
    const waiter: Waiter = {
      tenantId,
      go: () => {
        clearTimeout(timer);
        turns.waiting.delete(waiter);
        resolve(take(turns, tenantId));
      },
    };
    const timer = setTimeout(() => {
      turns.waiting.delete(waiter);
      reject(refusal(turns, tenantId));
    }, patienceMs);
    turns.waiting.add(waiter);
  });
};

/**
 * Opens a document that holds a connection for as long as its reader takes. Of those that tenants ask for themselves there
 * are few at once: a tenant that lets them stand still must not keep others from theirs, nor operators from backups.
 * Who finds enough of them waits for a moment. Throws rate_limited where it is this tenant that has them, else overloaded.
 */
export const inDocumentTurn = async <T>(
  app: App,
  principal: Principal,
  open: () => Promise<T>,
  bodyOf: (opened: T) => Readable,
): Promise<T> => {
  if (principal.kind !== "user" && principal.kind !== "tenantToken") return open();
  const turns = turnsOf.get(app) ?? { all: 0, byTenant: new Map(), waiting: new Set() };
  turnsOf.set(app, turns);
  const leave = await turn(turns, principal.tenantId);
  try {
    const opened = await open();
    bodyOf(opened).once("close", leave);
    return opened;
  } catch (error) {
    leave();
    throw error;
  }
};
