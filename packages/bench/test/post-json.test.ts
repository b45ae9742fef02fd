import { createServer, type Server } from "node:http";
import { afterEach, expect, test } from "vitest";
import { postJson } from "../src/post-json.ts";

let server: Server | undefined;
afterEach(() => server?.close());

/** A server that gives these answers, one after the other, and how often it was asked. */
const answering = async (...answers: readonly [status: number, retryAfter?: string][]) => {
  let asked = 0;
  server = createServer((_request, response) => {
    const [status, retryAfter] = answers[asked] ?? [500];
    asked += 1;
    response.writeHead(status, retryAfter === undefined ? {} : { "retry-after": retryAfter }).end('{"done":true}');
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}/`, asked: () => asked };
};

test("a server at its limit is asked again when it says", async () => {
  const { url, asked } = await answering([503, "1"], [200]);
  expect(await postJson(url, {})).toEqual({ done: true });
  expect(asked()).toBe(2);
});

test.each([[503], [429], [500]])("a %d that names no time, or is no such limit, is the end of it", async (status) => {
  const { url, asked } = await answering([status]);
  await expect(postJson(url, {})).rejects.toThrow(`answered ${status}`);
  expect(asked()).toBe(1);
});
