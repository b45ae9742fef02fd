import type { LoadRequest } from "./load/job.ts";

const answerOf = async (url: string, { path, token }: LoadRequest): Promise<string> => {
  const response = await fetch(new URL(path, url), { headers: { authorization: `Bearer ${token}` } });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${url}${path} answered ${response.status}: ${text}`);
  // Blanks between values are nobody's work; names, their order and values are.
  return JSON.stringify(JSON.parse(text));
};

/** Throws unless all servers answer each of the requests with the same JSON. */
export const requireSameAnswers = async (
  servers: readonly { readonly name: string; readonly url: string }[],
  requests: readonly LoadRequest[],
): Promise<void> => {
  const [first, ...others] = servers;
  if (first === undefined) return;
  for (const request of requests) {
    const expected = await answerOf(first.url, request);
    for (const { name, url } of others) {
      const answer = await answerOf(url, request);
      if (answer !== expected)
        throw new Error(`${name} and ${first.name} answer ${request.path} differently:\n${answer}\n${expected}`);
    }
  }
};
