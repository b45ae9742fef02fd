import { ContractError } from "@tenantctl/contract";
import pLimit, { type LimitFunction } from "p-limit";

const mostWaiting = 64;
const queues = new Map<string, LimitFunction>();

/**
 * Runs `work` when all that came before it under this key is done: in this process, one login of an account from an
 * address at a time. An attempt counts as failed until its password was found right, so without this many right ones at
 * once would throttle each other. Throws overloaded when too many wait.
 */
export const inTurn = async <T>(key: string, work: () => Promise<T>): Promise<T> => {
  const queue = queues.get(key) ?? pLimit(1);
  if (queue.pendingCount >= mostWaiting) {
    throw new ContractError(
      "overloaded",
      "Too many logins of this account from this address are under way.",
      "Log in once and share the session, or use a token: `tenantctl tokens create`.",
      { retryAfter: 2 },
    );
  }
  queues.set(key, queue);
  try {
    return await queue(work);
  } finally {
    if (queue.activeCount + queue.pendingCount === 0 && queues.get(key) === queue) queues.delete(key);
  }
};
