import { ContractError } from "@tenantctl/contract";
import type { App } from "../app.ts";

/** Restores under way at once in one process: each has a connection, and a document on the disk. */
const mostAtOnce = 3;
const underWay = new WeakMap<App, number>();

/** Takes a place, to be given back by calling what is returned. Throws overloaded. */
export const takeRestorePlace = (app: App): (() => void) => {
  const count = underWay.get(app) ?? 0;
  if (count >= mostAtOnce) {
    throw new ContractError(
      "overloaded",
      `${count} restores are under way here already.`,
      "Send it again when one of them is over: `tenantctl operations list`.",
      { retryAfter: 30 },
    );
  }
  underWay.set(app, count + 1);
  let taken = true;
  return () => {
    if (taken) underWay.set(app, (underWay.get(app) ?? 1) - 1);
    taken = false;
  };
};
