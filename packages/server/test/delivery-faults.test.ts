import { createServer, type Server, type Socket } from "node:net";
import { openDatabase } from "@tenantctl/database";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { deliverDue } from "../src/deliveries/deliver-due.ts";
import { createDeliverer } from "../src/deliveries/deliverer.ts";
import { deliveryOf, notify, passTime } from "./fixture/notify.ts";
import { answers, type Receiver, startReceiver } from "./fixture/receiver.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
let token: string;
const receivers: Receiver[] = [];
const listening: { server: Server; sockets: Set<Socket> }[] = [];
beforeAll(async () => {
  server = await startTestServer({ settings: { webhookAllow: ["127.0.0.1"] } });
  token = await server.operatorToken();
});
afterAll(async () => {
  await server.stop();
});
afterEach(async () => {
  await server.asOwner("delete from app.deliveries");
  await server.asOwner("delete from app.contacts");
  await Promise.all(receivers.splice(0).map((one) => one.close()));
  for (const one of listening.splice(0)) {
    for (const socket of one.sockets) socket.destroy();
    await new Promise((resolve) => one.server.close(resolve));
  }
});

const set = async (name: string, url: string): Promise<string> => {
  const reply = await server.request("PUT", `/api/admin/contacts/${name}`, {
    token,
    body: { role: "on_call", webhookUrls: [url] },
  });
  expect(reply.status, reply.text).toBe(200);
  return reply.body.signingSecret;
};
const receiver = async (...first: Parameters<typeof startReceiver>): Promise<Receiver> => {
  const one = await startReceiver(...first);
  receivers.push(one);
  return one;
};
/** A port that speaks no HTTP, but does this with each connection. */
const port = async (behave: (socket: Socket) => void): Promise<string> => {
  const sockets = new Set<Socket>();
  const one = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    behave(socket);
  });
  listening.push({ server: one, sockets });
  await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve));
  const address = one.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}/hook`;
};
const testOf = async (name: string) =>
  (await server.request("POST", `/api/admin/contacts/${name}/test`, { token })).body.results[0];

it("receivers that hang, answer byte by byte, or never finish their body hold up nobody else", {
  timeout: 120_000,
}, async () => {
  // One never says anything, one never comes to the end of its headers.
  await set("hangs", await port(() => undefined));
  await set(
    "drips",
    await port((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nx-slow: ");
      const timer = setInterval(() => socket.write("x"), 100);
      socket.on("close", () => clearInterval(timer));
    }),
  );
  const endless = await receiver((response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write("x"), 50);
    response.on("close", () => clearInterval(timer));
  });
  await set("endless", endless.url);
  const healthy = await receiver();
  await set("healthy", healthy.url);
  for (let at = 0; at < 10; at += 1) await notify(server, `page-${at}`);

  const delivering = deliverDue(server.app);
  await until("ten pages to arrive", async () => (healthy.received.length === 10 ? true : undefined));
  // The page after them goes out at once, too, while the others still hang.
  await notify(server, "later");
  void deliverDue(server.app);
  await until("the page after them", async () => (healthy.received.length === 11 ? true : undefined));
  const [underWay] = await server.asOwner<{ n: number }>(
    "select count(*)::int as n from app.deliveries where contact = 'hangs' and lease_id is not null",
  );
  expect(underWay?.n).toBeLessThanOrEqual(4);

  const outcomes = () =>
    server.asOwner<{ contact: string; error: string | null }>(
      "select distinct contact, error from app.delivery_attempts a join app.deliveries d on d.id = delivery_id",
    );
  await until("all four tell", async () => (await outcomes()).length === 4, 60);
  await server.asOwner("update app.deliveries set status = 'cancelled' where status = 'pending'");
  await delivering;
  expect(Object.fromEntries((await outcomes()).map(({ contact, error }) => [contact, error]))).toEqual({
    hangs: "no answer within 15 s",
    drips: "no answer within 15 s",
    endless: null,
    healthy: null,
  });
});

it("refusing, resetting, talking nonsense, redirecting: each says what happened, and nothing is followed", async () => {
  const refusing = await receiver();
  await refusing.close();
  await set("refuses", refusing.url);
  await set("resets", await port((socket) => socket.on("data", () => socket.resetAndDestroy())));
  await set("closes", await port((socket) => socket.on("data", () => socket.end())));
  await set("nonsense", await port((socket) => socket.on("data", () => socket.end("220 mail.example.com ESMTP\r\n"))));
  await set(
    "long-headers",
    await port((socket) => socket.on("data", () => socket.write(`HTTP/1.1 200 OK\r\nx: ${"x".repeat(100_000)}`))),
  );
  const inside = await receiver();
  const redirecting = await receiver(answers(307, { location: `http://169.254.169.254/latest/meta-data/S3CRET` }));
  await set("redirects", redirecting.url);
  const near = await receiver(answers(301, { location: inside.url }));
  await set("redirects-near", near.url);
  await set("teapot", (await receiver(answers(418))).url);

  const errors: Record<string, string> = {};
  for (const name of [
    "refuses",
    "resets",
    "closes",
    "nonsense",
    "long-headers",
    "redirects",
    "redirects-near",
    "teapot",
  ]) {
    const result = await testOf(name);
    expect(result).toMatchObject({ ok: false, next: expect.stringMatching(/\w/) });
    errors[name] = result.error;
  }
  expect(errors).toEqual({
    refuses: "the connection was refused",
    resets: "the connection was closed before there was an answer",
    closes: "the connection was closed before there was an answer",
    nonsense: "what came back is not HTTP",
    "long-headers": "the answer's headers are too long",
    redirects: "the receiver redirects to 169.254.169.254 (307), which is not followed",
    "redirects-near": `the receiver redirects to 127.0.0.1:${inside.port} (301), which is not followed`,
    teapot: "the receiver answered 418",
  });
  expect(inside.received).toEqual([]);
});

it("a huge body is not read, and does not keep the answer from counting", async () => {
  let written = 0;
  const huge = await receiver((response) => {
    response.writeHead(200);
    const chunk = Buffer.alloc(1_048_576);
    const pour = (): void => {
      while (!response.destroyed && written < 4000) {
        written += 1;
        if (!response.write(chunk)) return;
      }
    };
    response.on("drain", pour);
    pour();
  });
  await set("huge", huge.url);
  expect(await testOf("huge")).toMatchObject({ ok: true, status: 200 });
  // Megabytes that the sockets' buffers took, of four gigabytes.
  expect(written).toBeLessThan(200);
});

it("the address that is connected to is what counts, whatever the name said before", async () => {
  // Set while it was another address; now the name leads to loopback, of which only 127.0.0.1 is allowed.
  const target = await receiver();
  await set("rebound", target.url);
  for (const [url, error] of [
    [`http://127.0.0.2:${target.port}/`, "127.0.0.2 is a loopback address"],
    [`http://2130706434:${target.port}/`, "127.0.0.2 is a loopback address"],
    [`http://[::ffff:127.0.0.2]:${target.port}/`, "127.0.0.2 is a loopback address"],
    ["https://10.255.255.1/", "10.255.255.1 is a private address"],
    ["https://169.254.169.254/", "169.254.169.254 is a link-local address, where clouds keep their metadata"],
    ["http://1.1.1.1/", "1.1.1.1 is on the internet, where only https is secret"],
    ["https://no-such-host.invalid/", "DNS knows no such host"],
  ]) {
    await server.asOwner("update app.contact_channels set url = $1", [url]);
    expect((await testOf("rebound")).error).toContain(error);
  }
  // A name, looked up with the connection.
  const strict = createDeliverer(server.app.db, { ...server.settings, webhookAllow: ["10.0.0.0/8"] }, server.app.log);
  await server.asOwner("update app.contact_channels set url = $1", [`http://localhost:${target.port}/`]);
  await notify(server, "moved");
  await strict.run();
  expect((await deliveryOf(server, "moved")).last_error).toMatch(
    /^nothing is sent there: (127\.0\.0\.1|::1) is a loopback address$/,
  );
  expect(target.received).toEqual([]);
  await passTime(server);
  await server.asOwner("update app.contact_channels set url = $1", [target.url]);
  await deliverDue(server.app);
  expect(target.received).toHaveLength(1);
});

it("a proxy of the environment is not used", async () => {
  const proxy = await receiver();
  const target = await receiver();
  await set("direct", target.url);
  const before = { ...process.env };
  Object.assign(process.env, {
    HTTP_PROXY: proxy.url,
    http_proxy: proxy.url,
    ALL_PROXY: proxy.url,
    NODE_USE_ENV_PROXY: "1",
  });
  try {
    expect(await testOf("direct")).toMatchObject({ ok: true });
  } finally {
    process.env = before;
  }
  expect([proxy.received.length, target.received.length]).toEqual([0, 1]);
});

it("several processes that deliver at once send each once", async () => {
  const target = await receiver();
  await set("busy", target.url);
  await set("busier", `${target.url}/2`);
  for (let at = 0; at < 150; at += 1) await notify(server, `once-${at}`);
  const others = await Promise.all(
    [1, 2, 3].map(async () => {
      const db = await openDatabase({ url: server.database.url, prefix: server.database.prefix });
      return { db, deliverer: createDeliverer(db, server.settings, server.app.log) };
    }),
  );
  await Promise.all([deliverDue(server.app), ...others.map(({ deliverer }) => deliverer.run())]);
  const ids = target.received.map(({ headers }) => headers["webhook-id"]);
  expect([ids.length, new Set(ids).size]).toEqual([300, 300]);
  const tries = await server.asOwner(
    "select max(attempts)::int as most, count(*)::int as n from app.deliveries where status = 'delivered'",
  );
  expect(tries).toEqual([{ most: 1, n: 300 }]);
  for (const { db, deliverer } of others) {
    await deliverer.close(1);
    await db.close();
  }
});

it("10,000 that are due are never in memory at once", { timeout: 120_000 }, async () => {
  const target = await receiver();
  const seen = new Set<string>();
  const enough = 2000;
  target.behave((response, { headers }) => {
    seen.add(String(headers["webhook-id"]));
    target.received.length = 0;
    response.writeHead(204).end();
    if (seen.size === enough)
      void server.asOwner("update app.deliveries set status = 'cancelled' where lease_id is null");
  });
  await set("flood", target.url);
  // Bodies of 64 KB: 640 MB, were they read at once.
  await server.asOwner(
    `insert into app.deliveries (id, channel_id, contact, host, event, severity, subject_type, subject_id, body)
     select gen_random_uuid(), ch.id, 'flood', ch.host, 'alert.opened', 'warning', 'alert', n::text,
       json_build_object('type', 'alert.opened', 'data', repeat('x', 64000))::text
     from app.contact_channels ch, generate_series(1, 10000) n`,
  );
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 50);
  const before = process.memoryUsage().rss;
  await deliverDue(server.app);
  clearInterval(watch);
  expect(seen.size).toBeGreaterThanOrEqual(enough);
  expect((most - before) / 1_048_576).toBeLessThan(250);
});

it("a failed try is tried again by itself, without waiting for the task's next minute", async () => {
  const shaky = await receiver((response, got) => answers(shaky.received.length < 3 ? 500 : 204)(response, got));
  await set("shaky", shaky.url);
  await notify(server, "soon");
  const db = await openDatabase({ url: server.database.url, prefix: server.database.prefix });
  const alone = createDeliverer(db, { ...server.settings, jobs: true }, server.app.log);
  await alone.run();
  await until("the third try", async () => (await deliveryOf(server, "soon")).status === "delivered", 60);
  await alone.close(1);
  await db.close();
  expect(shaky.received).toHaveLength(3);
});

it("a server that stops lets go of what it is sending, in time, and the next one sends it", async () => {
  const slow = await receiver(() => undefined);
  await set("slow", slow.url);
  await notify(server, "stopped");
  const db = await openDatabase({ url: server.database.url, prefix: server.database.prefix });
  const stopping = createDeliverer(db, server.settings, server.app.log);
  void stopping.run();
  await until("the slow receiver to be reached", async () => (slow.received.length === 1 ? true : undefined));
  await stopping.close(0.1);
  await db.close();
  expect(await deliveryOf(server, "stopped")).toMatchObject({
    status: "pending",
    last_error: "this server stopped before there was an answer",
  });
  slow.behave(answers(204));
  await passTime(server);
  await deliverDue(server.app);
  expect(await deliveryOf(server, "stopped")).toMatchObject({ status: "delivered", attempts: 2 });
});
