import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createClient, timeLimit } from "@tenantctl/contract";
import { afterEach, beforeEach, expect, it } from "vitest";
import { askPlainly } from "../src/session/ask-plainly.ts";

let server: Server;
let url: string;
const begun = new Set<() => void>();

// Answers begin and never end.
beforeEach(async () => {
  server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write("[1,", () => {
      for (const tell of begun) tell();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  url = `http://127.0.0.1:${address.port}`;
});
afterEach(async () => {
  begun.clear();
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

/** What Node does by itself sooner or later. */
const collectGarbage = async (): Promise<void> => {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("there is no gc");
  for (let turn = 0; turn < 5; turn += 1) {
    collect();
    await new Promise((done) => setImmediate(done));
  }
};

it("an answer that stalls is given up when its time is over, whatever was collected meanwhile", async () => {
  const stalls = new Promise<void>((done) => begun.add(done));
  const call = createClient({ baseUrl: url, timeoutMs: 1500 }).call("tenants.get", { params: { id: "acme" } });
  const outcome = call.then(
    () => "answered",
    (error: unknown) => String(error),
  );
  await stalls;
  await collectGarbage();
  expect(await outcome).toContain("broke off its answer");
});

it("a time limit outlives those who only listen to it through another signal", async () => {
  const never = new AbortController();
  const both = AbortSignal.any([never.signal, timeLimit(1000)]);
  const over = new Promise((done) => both.addEventListener("abort", () => done(both.reason)));
  await collectGarbage();
  expect(await over).toMatchObject({ name: "TimeoutError" });
});

it("a list of any length is given up when no byte comes any more", async () => {
  const answer = await askPlainly(
    new URL(url),
    { method: "GET", headers: {}, redirect: "error", signal: new AbortController().signal },
    500,
  );
  await expect(answer.text()).rejects.toThrow("no byte came for 0.5 s");
});
