import type { App } from "../../app.ts";
import { type Canary, fillCanary } from "./canary.ts";
import { type CanaryLease, canaryIds, emptyCanaries, takeCanaries } from "./canary-lease.ts";

const renewEveryMs = 5_000;

export interface Canaries {
  readonly a: Canary;
  fillB(): Promise<Canary>;
  /** To be called often: says that this process lives. Throws lease_lost. */
  alive(): Promise<void>;
}

const keptAlive = (lease: CanaryLease): (() => Promise<void>) => {
  let renewed = Date.now();
  return async () => {
    if (Date.now() - renewed < renewEveryMs) return;
    renewed = Date.now();
    await lease.renew();
  };
};

/** Runs `work` with the canaries, which hold nothing before and nothing after. Throws lease_held, lease_lost. */
export const withCanaries = async <T>(app: App, work: (canaries: Canaries) => Promise<T>): Promise<T> => {
  const lease = await takeCanaries(app.db);
  const filled: Canary[] = [];
  const fill = async (id: string, slug: string): Promise<Canary> => {
    const canary = await fillCanary(app, id, slug);
    filled.push(canary);
    return canary;
  };
  try {
    // What a killed process may have left.
    await emptyCanaries(app.db);
    const a = await fill(canaryIds.a, "canary-a");
    return await work({ a, fillB: () => fill(canaryIds.b, "canary-b"), alive: keptAlive(lease) });
  } finally {
    for (const canary of filled) canary.forget();
    await lease.renew();
    await emptyCanaries(app.db);
    await lease.release();
  }
};
