/** What one tenant's requests added up to since the process started. */
export interface Tally {
  requests: number;
  errors: number;
  clientErrors: number;
  bytes: number;
  seconds: number;
}

export interface TenantTallies {
  /** Adds one request. */
  count(tenantId: string, request: Tally): void;
  /** Tenants with series of their own, at most the cap; none of their numbers ever goes down. */
  readonly shown: ReadonlyMap<string, Readonly<Tally>>;
  /** All others together; never goes down either. */
  readonly others: Readonly<Tally>;
}

/** Requests are compared over windows of this length. */
const windowMs = 60_000;
/** Tenants beside the shown ones whose requests are told apart within a window. */
const mostCandidates = 4096;
/** Somebody takes a shown one's place with so many times its requests, and so many requests at the least. */
const heavier = 4;
const leastRequests = 10;
/** The part of the places that change hands in one window at the most. */
const changing = 0.05;
/** Totals of tenants that lost their place are kept, this many times the cap; after that nobody loses one. */
const keptPerPlace = 10;

export const emptyTally = (): Tally => ({ requests: 0, errors: 0, clientErrors: 0, bytes: 0, seconds: 0 });

const add = (to: Tally, from: Tally): void => {
  to.requests += from.requests;
  to.errors += from.errors;
  to.clientErrors += from.clientErrors;
  to.bytes += from.bytes;
  to.seconds += from.seconds;
};

/**
 * Requests by tenant, in bounded memory however many tenants there are: the heaviest have a place of their own, `cap` at
 * most. Half of the places go to whoever comes first, so that a small system is shown whole from its first request; the
 * rest go by requests within a minute. What a tenant counted without a place stays with the others, and a tenant that gets
 * its place back goes on where it stopped: so no number ever goes down. `now` is in milliseconds and never goes back.
 */
export const createTenantTallies = (cap: number, now: () => number = () => performance.now()): TenantTallies => {
  const shown = new Map<string, Tally>();
  const others = emptyTally();
  const kept = new Map<string, Tally>();
  /** Requests of the window under way. */
  const ofShown = new Map<string, number>();
  let ofCandidates = new Map<string, number>();
  let windowEnds = now() + windowMs;

  const give = (tenantId: string): Tally => {
    const tally = kept.get(tenantId) ?? emptyTally();
    kept.delete(tenantId);
    shown.set(tenantId, tally);
    return tally;
  };

  const take = (tenantId: string, tally: Tally): void => {
    shown.delete(tenantId);
    kept.set(tenantId, tally);
  };

  const endWindow = (): void => {
    const heaviest = [...ofCandidates].sort(([, a], [, b]) => b - a);
    const lightest = [...shown.keys()]
      .map((id) => [id, ofShown.get(id) ?? 0] as const)
      .sort(([, a], [, b]) => a - b)
      .slice(0, Math.max(1, Math.floor(cap * changing)))
      .values();
    for (const [tenantId, requests] of heaviest) {
      if (shown.size >= cap) {
        const next = requests >= leastRequests && kept.size < cap * keptPerPlace ? lightest.next() : undefined;
        if (next?.value === undefined || requests < heavier * next.value[1]) break;
        const [leaving] = next.value;
        take(leaving, shown.get(leaving) ?? emptyTally());
      }
      give(tenantId);
    }
    ofShown.clear();
    ofCandidates = new Map();
    windowEnds = now() + windowMs;
  };

  return {
    count: (tenantId, request) => {
      if (now() >= windowEnds) endWindow();
      const tally = shown.get(tenantId) ?? (shown.size < cap / 2 ? give(tenantId) : undefined);
      if (tally !== undefined) {
        add(tally, request);
        ofShown.set(tenantId, (ofShown.get(tenantId) ?? 0) + 1);
        return;
      }
      add(others, request);
      const before = ofCandidates.get(tenantId);
      if (before !== undefined || ofCandidates.size < mostCandidates) ofCandidates.set(tenantId, (before ?? 0) + 1);
    },
    shown,
    others,
  };
};
