/**
 * Upper bounds in milliseconds of the latency buckets, the last bucket being everything above. They are stored with
 * every minute of use, so they never change: buckets of different minutes and tenants are added up.
 */
export const latencyBoundsMs = [
  1, 2, 3, 5, 8, 13, 20, 30, 50, 80, 130, 200, 300, 500, 800, 1300, 2000, 5000, 10_000, 30_000,
] as const;

export const latencyBucketCount = latencyBoundsMs.length + 1;

/** Which bucket a request of this many milliseconds falls into, from 0. */
export const latencyBucket = (ms: number): number => {
  const index = latencyBoundsMs.findIndex((bound) => ms <= bound);
  return index === -1 ? latencyBoundsMs.length : index;
};

/**
 * The latency in milliseconds that `share` (0 to 1) of the requests stayed below, interpolated within its bucket; null
 * without requests. Above the last bound it is that bound, since nothing finer is known.
 */
export const percentile = (buckets: readonly number[], share: number): number | null => {
  const total = buckets.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const wanted = total * share;
  let below = 0;
  for (const [index, count] of buckets.entries()) {
    if (count > 0 && below + count >= wanted) {
      const from = latencyBoundsMs[index - 1] ?? 0;
      const to = latencyBoundsMs[index] ?? from;
      return Math.round((from + ((to - from) * (wanted - below)) / count) * 10) / 10;
    }
    below += count;
  }
  return latencyBoundsMs.at(-1) ?? null;
};
