import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { checkAnswer } from "./fixture/contract-answer.ts";
import { answers, type Receiver, startReceiver } from "./fixture/receiver.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let token: string;
let receiver: Receiver;
beforeAll(async () => {
  server = await startTestServer({ settings: { webhookAllow: ["127.0.0.0/8"] } });
  token = await server.operatorToken();
  receiver = await startReceiver();
});
afterAll(async () => {
  await server.stop();
  await receiver.close();
});
afterEach(() => {
  receiver.received.length = 0;
  receiver.behave(answers(204));
});

const call = (method: string, path: string, body?: object) =>
  server.request(method, `/api/admin/${path}`, { token, ...(body === undefined ? {} : { body }) });
const set = (name: string, body: object) => call("PUT", `contacts/${encodeURIComponent(name)}`, body);
const made = async (name: string, body: object = {}) => {
  const reply = await set(name, { role: "on_call", webhookUrls: [receiver.url], ...body });
  expect(reply.status, reply.text).toBe(200);
  return reply.body;
};
const stored = async (name: string) =>
  (await server.asOwner("select * from app.contacts where name = $1", [name]))[0] ?? {};

it("a contact is added, listed in the order of its role, changed in parts, and removed", async () => {
  expect((await call("GET", "contacts")).body).toEqual([]);
  const boss = await set("boss", { role: "escalation", email: "Boss@Example.COM", minimumSeverity: "critical" });
  checkAnswer("contacts.set", 200, boss.body);
  expect(boss.body).toMatchObject({
    name: "boss",
    role: "escalation",
    email: "boss@example.com",
    minimumSeverity: "critical",
    channels: [],
    signingSecret: null,
    changed: true,
  });
  await set("Ünal Öz, mobile", { role: "on_call", phone: "+49 30 1234567" });
  const { body: listed } = await call("GET", "contacts");
  checkAnswer("contacts.list", 200, listed);
  expect(listed.map(({ name }: { name: string }) => name)).toEqual(["Ünal Öz, mobile", "boss"]);

  const later = await set("boss", { phone: "1", email: null });
  expect(later.body).toMatchObject({ role: "escalation", email: null, phone: "1", changed: true });
  expect((await set("boss", { phone: "1" })).body.changed).toBe(false);

  const removed = await call("DELETE", `contacts/${encodeURIComponent("Ünal Öz, mobile")}`);
  checkAnswer("contacts.remove", 200, removed.body);
  expect((await call("DELETE", "contacts/boss")).status).toBe(200);
  const again = await call("DELETE", "contacts/boss");
  expect([again.status, again.body.code]).toEqual([404, "not_found"]);
  const history = await server.asOwner(
    "select action, resource_id from app.audit_log where resource_type = 'contact' order by at, id",
  );
  expect(history.map(({ action, resource_id }) => `${action} ${resource_id}`)).toEqual([
    "set boss",
    "set Ünal Öz, mobile",
    "set boss",
    "remove Ünal Öz, mobile",
    "remove boss",
  ]);
});

it("a new contact without a role is refused, naming the flag", async () => {
  const refused = await set("nobody", { phone: "1" });
  expect([refused.status, refused.body.code]).toEqual([400, "invalid_request"]);
  expect(refused.body.hint).toContain("--role");
});

it("two operators who add the same contact at once both get it, made once", async () => {
  const replies = await Promise.all(["1", "2", "3", "4"].map((phone) => set("twice", { role: "emergency", phone })));
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(await server.asOwner("select from app.contacts where name = 'twice'")).toHaveLength(1);
  await call("DELETE", "contacts/twice");
});

it("secrets and paths are in no answer after the first, no audit row, no error", async () => {
  const { signingSecret } = await made("quiet");
  expect(signingSecret).toMatch(/^whsec_/);
  const own = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
  const given = await set("quiet", { signingSecret: own });
  expect(given.body).toMatchObject({ signingSecret: null, changed: true });
  receiver.behave(answers(500));
  const texts = [
    given.text,
    (await call("GET", "contacts")).text,
    (await call("POST", "contacts/quiet/test")).text,
    (await call("GET", "deliveries")).text,
    (await call("GET", `deliveries/${(await call("GET", "deliveries")).body[0].id}`)).text,
    (await set("quiet", { signingSecret: `${own}=` })).text,
    (await set("quiet", { signingSecret: `whsec_${"A".repeat(33)}` })).text,
    (await set("quiet", { webhookUrls: ["https://10.0.0.1/S3CRET-PATH"] })).text,
    (await set("quiet", { webhookUrls: [] })).text,
    (await call("DELETE", "contacts/quiet")).text,
    JSON.stringify(await server.asOwner("select * from app.audit_log")),
    JSON.stringify(await server.asOwner("select * from app.audit_details")),
    JSON.stringify(await server.asOwner("select * from app.delivery_attempts")),
  ];
  for (const text of texts) {
    expect(text).not.toContain("S3CRET-PATH");
    expect(text).not.toContain(signingSecret.slice(6, 20));
    expect(text).not.toContain(own.slice(6, 20));
    expect(text).not.toContain("AAAAAAAA");
  }
});

it("a rotated secret signs beside the one before it for a day; rotating twice ends the first at once", async () => {
  const { signingSecret: first } = await made("rotated");
  expect((await set("rotated", { phone: "2" })).body.signingSecret).toBeNull();
  const rotated = await set("rotated", { rotateSecret: true });
  const { signingSecret: second, previousSecretUntil } = rotated.body;
  expect(second).not.toBe(first);
  expect(Date.parse(previousSecretUntil) - Date.now()).toBeGreaterThan(23 * 3600 * 1000);

  expect((await call("POST", "contacts/rotated/test")).body.ok).toBe(true);
  for (const secret of [first, second]) {
    expect(receiver.verified(0, secret)).toMatchObject({ type: "contact.test", data: { contact: "rotated" } });
  }

  await server.asOwner(
    "update app.contacts set previous_secret_until = now() - interval '1 ms' where name = 'rotated'",
  );
  await call("POST", "contacts/rotated/test");
  expect(receiver.verified(1, second)).toMatchObject({ type: "contact.test" });
  expect(() => receiver.verified(1, first)).toThrow(/signature/i);

  const third = (await set("rotated", { rotateSecret: true })).body.signingSecret;
  const fourth = (await set("rotated", { rotateSecret: true })).body.signingSecret;
  await call("POST", "contacts/rotated/test");
  expect(() => receiver.verified(2, second)).toThrow(/signature/i);
  for (const secret of [third, fourth]) receiver.verified(2, secret);
});

it("a webhook that stays keeps its channel; the list is all that there is", async () => {
  const first = await made("several");
  const other = `${receiver.url}/other`;
  const both = await set("several", { webhookUrls: [receiver.url, other, other] });
  expect(both.body.channels).toHaveLength(2);
  expect(both.body.channels.map(({ id }: { id: string }) => id)).toContain(first.channels[0].id);
  expect(both.body.signingSecret).toBeNull();
  expect((await set("several", { webhookUrls: [other, receiver.url] })).body.changed).toBe(false);
  expect((await set("several", { webhookUrls: [other] })).body.channels).toHaveLength(1);
  await call("POST", "contacts/several/test");
  expect(receiver.received.map(({ path }) => path)).toEqual([new URL(other).pathname]);
  const six = Array.from({ length: 6 }, (_, at) => `${receiver.url}/${at}`);
  expect((await set("several", { webhookUrls: six })).status).toBe(400);
});

it("URLs that may not be reached are refused when they are set, and nothing of the request is kept", async () => {
  await made("kept");
  const before = await stored("kept");
  for (const url of [
    "https://10.0.0.1/x",
    "https://169.254.169.254/latest",
    "http://192.168.0.1/",
    "https://u:p@127.0.0.1/",
  ]) {
    const refused = await set("kept", { phone: "9", webhookUrls: [receiver.url, url] });
    expect([refused.status, refused.body.code], refused.text).toEqual([400, "webhook_refused"]);
    expect(refused.body.hint).not.toBe("");
  }
  expect(await stored("kept")).toEqual(before);
});

it("a test is a real, signed event that is tried once, and says what to do where it fails", async () => {
  const { signingSecret } = await made("tested");
  const sent = await call("POST", "contacts/tested/test");
  checkAnswer("contacts.test", 200, sent.body);
  expect(sent.body).toMatchObject({ ok: true, results: [{ ok: true, status: 204, error: null, next: null }] });
  const { deliveryId } = sent.body.results[0];
  expect(receiver.received[0]?.headers["webhook-id"]).toBe(deliveryId);
  expect(receiver.verified(0, signingSecret)).toMatchObject({
    type: "contact.test",
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    data: { severity: "info", subject: { type: "contact", id: "tested" }, contact: "tested" },
  });

  receiver.behave(answers(401));
  const refused = await call("POST", "contacts/tested/test");
  checkAnswer("contacts.test", 200, refused.body);
  expect(refused.body).toMatchObject({
    ok: false,
    results: [
      { ok: false, status: 401, error: expect.stringContaining("401"), next: expect.stringContaining("secret") },
    ],
  });
  const shown = await call("GET", `deliveries/${refused.body.results[0].deliveryId}`);
  checkAnswer("deliveries.get", 200, shown.body);
  expect(shown.body).toMatchObject({ status: "failed", attempts: 1, lastStatus: 401, nextAttemptAt: null });
  expect(
    (await call("GET", "contacts")).body.find(({ name }: { name: string }) => name === "tested").channels,
  ).toMatchObject([{ status: "failing", since: expect.any(String) }]);

  await set("silent", { role: "security", phone: "1" });
  const silent = await call("POST", "contacts/silent/test");
  expect([silent.status, silent.body.code]).toEqual([409, "channel_missing"]);
  expect((await call("POST", "contacts/unknown/test")).status).toBe(404);
});
