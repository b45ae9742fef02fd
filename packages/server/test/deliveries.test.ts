import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { deliverDue } from "../src/deliveries/deliver-due.ts";
import { enqueueNotification } from "../src/deliveries/enqueue.ts";
import { forgetOldDeliveries } from "../src/deliveries/forget-old-deliveries.ts";
import { checkAnswer } from "./fixture/contract-answer.ts";
import { deliveryOf, noteOf, notify, passTime } from "./fixture/notify.ts";
import { answers, type Receiver, startReceiver } from "./fixture/receiver.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let token: string;
let receiver: Receiver;
let secret: string;
beforeAll(async () => {
  server = await startTestServer({ settings: { webhookAllow: ["127.0.0.0/8"] } });
  token = await server.operatorToken();
  receiver = await startReceiver();
  secret = (await set("on-call", { role: "on_call", webhookUrls: [receiver.url] })).body.signingSecret;
});
afterAll(async () => {
  await server.stop();
  await receiver.close();
});
afterEach(async () => {
  await server.asOwner("delete from app.deliveries");
  receiver.received.length = 0;
  receiver.behave(answers(204));
});

const call = (method: string, path: string, body?: object) =>
  server.request(method, `/api/admin/${path}`, { token, ...(body === undefined ? {} : { body }) });
const set = (name: string, body: object) => call("PUT", `contacts/${name}`, body);

it("an alert reaches whoever is on call: signed, with an id to know it by, and is on record", async () => {
  expect(await notify(server, "a-1")).toBe(1);
  await deliverDue(server.app);
  const { id } = await deliveryOf(server, "a-1");
  expect(receiver.received).toHaveLength(1);
  expect(receiver.received[0]?.headers).toMatchObject({ "webhook-id": id, "content-type": "application/json" });
  expect(receiver.verified(0, secret)).toMatchObject({
    type: "alert.opened",
    timestamp: expect.any(String),
    data: { severity: "critical", subject: { type: "alert", id: "a-1" }, alert: { summary: "Something is wrong" } },
  });
  expect(() => receiver.verified(0, `whsec_${Buffer.alloc(32).toString("base64")}`)).toThrow(/signature/i);

  const listed = await call("GET", "deliveries?subject=a-1");
  checkAnswer("deliveries.list", 200, listed.body);
  expect(listed.body).toMatchObject([{ id, status: "delivered", attempts: 1, lastStatus: 204, contact: "on-call" }]);
  const shown = await call("GET", `deliveries/${id}`);
  checkAnswer("deliveries.get", 200, shown.body);
  expect(shown.body).toMatchObject({ body: { type: "alert.opened" }, tries: [{ status: 204, error: null }] });
});

it("who hears of it goes by role and severity; what is rolled back is never sent", async () => {
  await set("manager", { role: "escalation", webhookUrls: [`${receiver.url}/manager`], minimumSeverity: "critical" });
  await set("guard", { role: "security", webhookUrls: [`${receiver.url}/guard`], minimumSeverity: "info" });
  await set("people-only", { role: "on_call", phone: "1" });
  expect(await notify(server, "b-1", { severity: "info" })).toBe(0);
  expect(await notify(server, "b-2", { severity: "warning", roles: ["on_call", "escalation"] })).toBe(1);
  expect(await notify(server, "b-3", { severity: "critical", roles: ["on_call", "escalation"] })).toBe(2);
  expect(await notify(server, "b-4", { severity: "info", roles: ["security"], event: "audit.checkpoint" })).toBe(1);
  const undone = server.app.db.operator().transaction(async (transaction) => {
    await enqueueNotification(transaction, noteOf("b-5"));
    throw new Error("the alert was not written after all");
  });
  await expect(undone).rejects.toThrow("after all");
  await deliverDue(server.app);
  expect(receiver.received.map(({ path }) => path.split("/").at(-1)).sort()).toEqual(
    ["S3CRET-PATH", "S3CRET-PATH", "guard", "manager"].sort(),
  );
  for (const name of ["manager", "guard", "people-only"]) await call("DELETE", `contacts/${name}`);
});

it("a body beyond 64 KiB loses its details, not the page", async () => {
  await notify(server, "big", { payload: { blob: "x".repeat(100_000) } });
  await deliverDue(server.app);
  expect(receiver.verified(0, secret)).toMatchObject({
    data: { truncated: true, subject: { type: "alert", id: "big" } },
  });
});

it("500 for an hour and longer: every try has the same id and body, waits longer, and the last one that works ends it", async () => {
  receiver.behave(answers(500));
  await notify(server, "c-1");
  const most = [5, 30, 120, 600, 1800, 3600, 7200, 14_400, 14_400];
  for (const [at, wait] of most.entries()) {
    await deliverDue(server.app);
    const row = await deliveryOf(server, "c-1");
    expect(row).toMatchObject({ status: "pending", attempts: at + 1, last_status: 500 });
    expect(row.wait).toBeLessThanOrEqual(wait);
    await passTime(server);
  }
  receiver.behave(answers(200));
  await deliverDue(server.app);
  expect(await deliveryOf(server, "c-1")).toMatchObject({ status: "delivered", attempts: 10, last_error: null });
  expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  for (let at = 0; at < 10; at += 1) receiver.verified(at, secret);
});

it("it is given up after a day of tries, is seen then, and can be sent again by hand", async () => {
  receiver.behave(answers(503));
  await notify(server, "d-1");
  for (let at = 0; at < 11; at += 1) {
    await deliverDue(server.app);
    await passTime(server);
  }
  expect(await deliveryOf(server, "d-1")).toMatchObject({ status: "pending", attempts: 11 });
  // A clock that has jumped makes a day of a moment; a dozen tries are made all the same.
  await server.asOwner("update app.deliveries set started_at = now() - interval '25 hours'");
  await deliverDue(server.app);
  const { id, ...failed } = await deliveryOf(server, "d-1");
  expect(failed).toMatchObject({ status: "failed", attempts: 12, last_error: expect.stringContaining("503") });
  await passTime(server);
  await deliverDue(server.app);
  expect(receiver.received).toHaveLength(12);
  expect((await call("GET", "deliveries?status=failed")).body).toMatchObject([{ id, finishedAt: expect.any(String) }]);

  const again = await call("POST", `deliveries/${id}/resend`);
  checkAnswer("deliveries.resend", 200, again.body);
  expect(again.body).toMatchObject({ deliveryId: id, ok: false, status: 503, next: expect.any(String) });
  expect(await deliveryOf(server, "d-1")).toMatchObject({ status: "pending", attempts: 1 });
  receiver.behave(answers(200));
  expect((await call("POST", `deliveries/${id}/resend`)).body).toMatchObject({ ok: true, status: 200, next: null });
  expect(await deliveryOf(server, "d-1")).toMatchObject({ status: "delivered" });
  expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"]))).toEqual(new Set([id]));
  const history = await server.asOwner(
    "select action from app.audit_log where resource_type = 'delivery' and resource_id = $1",
    [id],
  );
  expect(history.map(({ action }) => action)).toEqual(["resend", "resend"]);
});

it("Retry-After is honoured within bounds", async () => {
  receiver.behave(answers(429, { "retry-after": "100" }));
  await notify(server, "e-1");
  await deliverDue(server.app);
  const { wait } = await deliveryOf(server, "e-1");
  expect(wait).toBeGreaterThan(60);
  expect(wait).toBeLessThanOrEqual(100);
  receiver.behave(answers(429, { "retry-after": "99999999" }));
  await passTime(server);
  await deliverDue(server.app);
  expect((await deliveryOf(server, "e-1")).wait).toBeLessThanOrEqual(14_400);
});

it("410 Gone disables the channel: what waits fails visibly, nothing more is written for it, a test that works enables it", async () => {
  receiver.behave(answers(410));
  await notify(server, "f-1");
  await notify(server, "f-2");
  await server.asOwner(
    "update app.deliveries set next_attempt_at = now() + interval '1 hour' where subject_id = 'f-2'",
  );
  await deliverDue(server.app);
  for (const subject of ["f-1", "f-2"]) {
    expect(await deliveryOf(server, subject)).toMatchObject({
      status: "failed",
      last_error: expect.stringContaining("410"),
    });
  }
  expect(receiver.received).toHaveLength(1);
  const channels = async () => (await call("GET", "contacts")).body[0].channels;
  expect(await channels()).toMatchObject([{ status: "disabled" }]);
  expect(await notify(server, "f-3")).toBe(0);

  receiver.behave(answers(200));
  expect((await call("POST", "contacts/on-call/test")).body.ok).toBe(true);
  expect(await channels()).toMatchObject([{ status: "ok", since: null }]);
  expect(await notify(server, "f-4")).toBe(1);
});

it("setting the URL again enables a disabled channel; removing it cancels what waits", async () => {
  await server.asOwner("update app.contact_channels set disabled_at = now()");
  expect((await set("on-call", { webhookUrls: [receiver.url] })).body).toMatchObject({
    changed: true,
    channels: [{ status: "ok" }],
  });
  await set("leaving", { role: "on_call", webhookUrls: [`${receiver.url}/leaving`] });
  await notify(server, "g-1", { roles: ["on_call"] });
  await call("DELETE", "contacts/leaving");
  await deliverDue(server.app);
  const rows = await server.asOwner("select id, contact, status from app.deliveries order by contact");
  expect(rows.map(({ contact, status }) => [contact, status])).toEqual([
    ["leaving", "cancelled"],
    ["on-call", "delivered"],
  ]);
  const gone = await call("POST", `deliveries/${rows[0]?.id}/resend`);
  expect([gone.status, gone.body.code]).toEqual([409, "channel_missing"]);
});

it("a stored time far ahead, left by a clock that jumped, counts as now; a lease far ahead has ended", async () => {
  await notify(server, "h-1");
  await notify(server, "h-2");
  await notify(server, "h-3");
  await server.asOwner(
    "update app.deliveries set next_attempt_at = now() + interval '10 years' where subject_id = 'h-1'",
  );
  await server.asOwner(
    "update app.deliveries set lease_id = gen_random_uuid(), lease_until = now() + interval '10 years' where subject_id = 'h-2'",
  );
  await server.asOwner(
    "update app.deliveries set next_attempt_at = now() + interval '3 hours' where subject_id = 'h-3'",
  );
  await deliverDue(server.app);
  expect(await deliveryOf(server, "h-1")).toMatchObject({ status: "delivered" });
  expect(await deliveryOf(server, "h-2")).toMatchObject({ status: "delivered" });
  expect(await deliveryOf(server, "h-3")).toMatchObject({ status: "pending", attempts: 0 });
  // One whose beginning lies ahead is given up all the same, after forty tries.
  receiver.behave(answers(500));
  await server.asOwner(
    "update app.deliveries set next_attempt_at = now() - interval '1 ms', started_at = now() + interval '10 years', attempts = 39 where subject_id = 'h-3'",
  );
  await deliverDue(server.app);
  expect(await deliveryOf(server, "h-3")).toMatchObject({ status: "failed", attempts: 40 });
});

it("the lease of a killed process ends: another sends it, and a late result does not undo what arrived", async () => {
  await notify(server, "i-1");
  await server.asOwner(
    "update app.deliveries set lease_id = gen_random_uuid(), lease_until = now() + interval '50 seconds', attempts = 1 where subject_id = 'i-1'",
  );
  await deliverDue(server.app);
  expect(receiver.received).toHaveLength(0);
  const busy = await call("POST", `deliveries/${(await deliveryOf(server, "i-1")).id}/resend`);
  expect([busy.status, busy.body.code]).toEqual([409, "edit_conflict"]);
  await server.asOwner("update app.deliveries set lease_until = now() - interval '1 ms'");
  await deliverDue(server.app);
  expect(await deliveryOf(server, "i-1")).toMatchObject({ status: "delivered", attempts: 2 });
});

it("lists are paged, and old ones are forgotten with their tries", async () => {
  for (const subject of ["j-1", "j-2", "j-3"]) await notify(server, subject);
  await deliverDue(server.app);
  const first = await call("GET", "deliveries?limit=2");
  const [, next = ""] = /<([^>]+)>/.exec(first.headers.get("link") ?? "") ?? [];
  const second = await server.request("GET", next, { token });
  expect([...first.body, ...second.body].map(({ subjectId }) => subjectId)).toEqual(["j-3", "j-2", "j-1"]);

  await notify(server, "j-4");
  await server.asOwner(
    "update app.deliveries set created_at = now() - interval '31 days', finished_at = finished_at - interval '31 days' where subject_id in ('j-1', 'j-4')",
  );
  await forgetOldDeliveries(server.app);
  const left = await server.asOwner("select subject_id from app.deliveries order by subject_id");
  // What still waits is never forgotten.
  expect(left.map(({ subject_id }) => subject_id)).toEqual(["j-2", "j-3", "j-4"]);
  expect(await server.asOwner("select from app.delivery_attempts")).toHaveLength(2);
});

it("the tries that are kept are bounded", async () => {
  receiver.behave(answers(500));
  await notify(server, "k-1");
  for (let at = 0; at < 25; at += 1) {
    await deliverDue(server.app);
    await passTime(server);
  }
  const { id } = await deliveryOf(server, "k-1");
  const { tries, attempts } = (await call("GET", `deliveries/${id}`)).body;
  expect([tries.length, attempts]).toEqual([20, 25]);
});
