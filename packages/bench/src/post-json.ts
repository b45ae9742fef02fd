import { setTimeout } from "node:timers/promises";

const mostAttempts = 15;

/**
 * Sends JSON and gives the JSON of the answer. A server that is at its limit (one that has just started on a busy
 * machine) is asked again when it says so. Throws unless that ends in a success.
 */
export const postJson = async (
  url: string,
  body: object,
  token?: string,
  method = "POST",
): Promise<Record<string, unknown>> => {
  const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
    if (response.ok) return (await response.json()) as Record<string, unknown>;
    const answer = await response.text();
    const wait = Number(response.headers.get("retry-after") ?? 0);
    if (response.status !== 503 || wait === 0 || attempt === mostAttempts)
      throw new Error(`${url} answered ${response.status}: ${answer}`);
    await setTimeout(wait * 1000);
  }
};
