const patienceMs = 3000;

/** Whether Redis lets itself be used as the rate limits do. Answers within seconds; `problem` never holds the password. */
export const checkRedis = async (url: string): Promise<{ place: string; problem: string | null }> => {
  // Here, since most processes have no Redis, and it takes memory.
  const { Redis } = await import("ioredis");
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: patienceMs,
    commandTimeout: patienceMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let refusal: string | undefined;
  redis.on("error", ({ message }: Error) => {
    refusal = message;
  });
  const { host, port } = redis.options;
  try {
    await redis.connect();
    // Writing is more than a read-only replica, a full memory or a narrow user allow.
    await redis.eval("redis.call('INCR', KEYS[1]) return redis.call('PEXPIRE', KEYS[1], 1000)", 1, "tenantctl:check");
    return { place: `${host}:${port}`, problem: null };
  } catch (error) {
    return { place: `${host}:${port}`, problem: refusal ?? (error instanceof Error ? error.message : String(error)) };
  } finally {
    redis.disconnect();
  }
};
