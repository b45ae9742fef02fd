import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { type AlertBody, addContact, startWatching, type Watching } from "./fixture/watching.ts";

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
  await addContact(server, "on_call");
});
afterAll(() => server.stop());

const post = (path: string, body: object = {}, by = token) =>
  server.request("POST", `/api/admin/${path}`, { token: by, body });
const only = async (watching: Watching, status?: string): Promise<AlertBody> => {
  const [alert, ...more] = await watching.alerts(status);
  expect(more).toEqual([]);
  if (alert === undefined) throw new Error("there is no alert");
  return alert;
};
const auditRows = async (id: string): Promise<string[]> =>
  (await server.asOwner("select action from app.audit_log where resource_id = $1 order by at", [id])).map(
    ({ action }) => action,
  );

describe("an alert", () => {
  it("opens once its fact has held for long enough, and not where it went away in between", async () => {
    const watching = await startWatching(server, "held", { hold_seconds: 180 });
    watching.measure({ value: 11 });
    await watching.evaluate();
    await watching.pass(120);
    expect(await watching.alerts()).toEqual([]);
    const { body } = await server.request("GET", "/api/admin/alert-rules/held", { token });
    expect(body.evaluatedAt).not.toBeNull();
    watching.measure({ value: 9 });
    await watching.pass(60);
    watching.measure({ value: 11 });
    await watching.pass(180);
    expect(await watching.alerts()).toEqual([]);
    await watching.pass(60);
    expect(await only(watching)).toMatchObject({
      status: "open",
      severity: "warning",
      value: 11,
      evidence: { points: 11 },
      next: "tenantctl status",
    });
    expect(await watching.told()).toEqual(["alert.opened warning to on_call"]);
  });

  it("is resolved once its fact has been gone for long enough, and who heard of it hears that", async () => {
    const watching = await startWatching(server, "gone", { clear_after_seconds: 180 });
    watching.measure({ value: 11 });
    await watching.evaluate();
    watching.measure();
    await watching.pass(120);
    expect((await only(watching)).status).toBe("open");
    watching.measure({ value: 10 });
    await watching.pass(60);
    watching.measure();
    await watching.pass(120);
    expect((await only(watching)).status).toBe("open");
    await watching.pass(60);
    expect(await only(watching)).toMatchObject({ status: "resolved", resolvedBy: null });
    expect(await watching.told()).toEqual(["alert.opened warning to on_call", "alert.resolved warning to on_call"]);
  });

  it("that comes and goes stays one, and pages once until it stays", async () => {
    const watching = await startWatching(server, "flaps");
    for (let times = 0; times < 6; times += 1) {
      watching.measure({ value: 11 });
      await watching.pass(60);
      watching.measure();
      await watching.pass(60);
    }
    expect(await only(watching)).toMatchObject({ status: "resolved", reopened: 5 });
    const flapped = ["alert.opened warning to on_call", "alert.resolved warning to on_call"];
    expect(await watching.told()).toEqual(flapped);
    watching.measure({ value: 11 });
    await watching.pass(840);
    expect(await watching.told()).toEqual(flapped);
    await watching.pass(120);
    expect(await watching.told()).toEqual([...flapped, "alert.opened warning to on_call"]);
    // Long after, it is another one.
    watching.measure();
    await watching.pass(60);
    await watching.pass(1000);
    watching.measure({ value: 11 });
    await watching.evaluate();
    expect((await watching.alerts()).map(({ status }) => status)).toEqual(["open", "resolved"]);
  });

  it("that gets worse pages again, and never looks better than it was while it is open", async () => {
    const watching = await startWatching(server, "worse", { critical_threshold: 50 });
    watching.measure({ value: 20 });
    await watching.evaluate();
    watching.measure({ value: 60 });
    await watching.pass(60);
    expect(await only(watching)).toMatchObject({ severity: "critical", value: 60 });
    watching.measure({ value: 20 });
    await watching.pass(60);
    watching.measure({ value: 60 });
    await watching.pass(60);
    expect((await only(watching)).severity).toBe("critical");
    expect(await watching.told()).toEqual(["alert.opened warning to on_call", "alert.opened critical to on_call"]);
  });

  it("of a rule that watches from above holds at its threshold and below, and hands over to another rule", async () => {
    const watching = await startWatching(
      server,
      "days_left",
      { hands_over_at: 0, critical_threshold: 5 },
      { comparison: "atMost" },
    );
    watching.measure(
      { subject: "a", value: 11 },
      { subject: "b", value: 10 },
      { subject: "c", value: 5 },
      { subject: "d", value: 0 },
    );
    await watching.evaluate();
    expect((await watching.alerts()).map(({ value, severity }) => `${value} ${severity}`).sort()).toEqual([
      "10 warning",
      "5 critical",
    ]);
  });
});

describe("who has it", () => {
  it("is whoever acknowledged first; the other hears who, and only one row is written", async () => {
    const watching = await startWatching(server, "taken");
    watching.measure({ value: 11 });
    await watching.evaluate();
    const { id } = await only(watching);
    const other = { email: "second@example.com", password: "the-second-operator" };
    await post("operators", { name: "Second", ...other });
    const second = (await server.login(other)).accessToken;
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        post(`alerts/${id}/acknowledge`, { note: `by ${at % 2}` }, at % 2 === 0 ? token : second),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const changed = answers.filter(({ body }) => body.changed);
    expect(changed).toHaveLength(1);
    const winner = changed[0]?.body.acknowledgedBy;
    expect(new Set(answers.map(({ body }) => body.acknowledgedBy))).toEqual(new Set([winner]));
    expect(await only(watching)).toMatchObject({
      acknowledgedBy: winner,
      note: winner === other.email ? "by 1" : "by 0",
    });
    expect(await auditRows(id)).toEqual(["acknowledge"]);

    // The same person again changes nothing; a word more from them is kept, from others not.
    const [first, loser] = winner === other.email ? [second, token] : [token, second];
    expect((await post(`alerts/${id}/acknowledge`, {}, first)).body).toMatchObject({ changed: false });
    expect((await post(`alerts/${id}/acknowledge`, { note: "mine!" }, loser)).body).toMatchObject({
      changed: false,
      acknowledgedBy: winner,
    });
    expect((await post(`alerts/${id}/acknowledge`, { note: "found it" }, first)).body).toMatchObject({
      changed: true,
      note: "found it",
    });
    expect(await auditRows(id)).toEqual(["acknowledge", "acknowledge"]);
    expect(await watching.told()).toEqual(["alert.opened warning to on_call", "alert.acknowledged warning to on_call"]);
  });

  it("is said to contacts once each when it is resolved by hand, and an alert that nobody heard of tells nobody", async () => {
    const watching = await startWatching(server, "by_hand");
    const quiet = await startWatching(server, "unheard", { notify: [] }, { beside: true });
    watching.measure({ value: 11 });
    quiet.measure({ value: 11 });
    await watching.evaluate();
    const [told, unheard] = [await only(watching), await only(quiet)];
    expect([told.notifiedAt === null, unheard.notifiedAt === null]).toEqual([false, true]);
    for (const { id } of [told, unheard]) {
      await post(`alerts/${id}/acknowledge`);
      await post(`alerts/${id}/resolve`, { note: "done" });
      await post(`alerts/${id}/resolve`, { note: "done" });
    }
    expect(await only(watching)).toMatchObject({ status: "resolved", resolvedBy: server.operator.email });
    expect((await watching.told()).map((line) => line.split(" ")[0])).toEqual([
      "alert.opened",
      "alert.acknowledged",
      "alert.resolved",
    ]);
    expect(await quiet.told()).toEqual([]);
  });
});

describe("escalation", () => {
  it("follows where nobody takes it in time, once: to the next ones, and for what is critical to the last", async () => {
    const escalates = { escalate_after_seconds: 300 };
    const [ignored, taken, critical] = [
      await startWatching(server, "ignored", escalates),
      await startWatching(server, "taken_in_time", escalates, { beside: true }),
      await startWatching(server, "ignored_critical", { ...escalates, severity: "critical" }, { beside: true }),
    ];
    await addContact(server, "escalation");
    await addContact(server, "emergency");
    for (const watching of [ignored, taken, critical]) watching.measure({ value: 11 });
    await ignored.evaluate();
    await post(`alerts/${(await only(taken)).id}/acknowledge`);
    await ignored.pass(240);
    expect(await ignored.told()).toEqual(["alert.opened warning to on_call"]);
    await ignored.pass(600);
    expect(await ignored.told()).toEqual(["alert.opened warning to on_call", "alert.escalated warning to escalation"]);
    expect((await only(ignored)).escalatedAt).not.toBeNull();
    expect((await critical.told()).sort()).toEqual([
      "alert.escalated critical to emergency",
      "alert.escalated critical to escalation",
      "alert.opened critical to on_call",
    ]);
    expect((await taken.told()).map((line) => line.split(" ")[0])).toEqual(["alert.opened", "alert.acknowledged"]);
    // Who was called hears that it is over.
    ignored.measure();
    await ignored.pass(60);
    expect((await ignored.told()).slice(2).sort()).toEqual([
      "alert.resolved warning to escalation",
      "alert.resolved warning to on_call",
    ]);
  });
});

describe("a silence", () => {
  const silence = (body: object) => post("alert-silences", { forSeconds: 7200, reason: "test", ...body });

  it("keeps a rule from telling anybody; what is still open when it ends is told then", async () => {
    const watching = await startWatching(server, "silenced", { escalate_after_seconds: 60 });
    const { status, body } = await silence({ rule: "silenced" });
    expect(status, JSON.stringify(body)).toBe(201);
    watching.measure({ value: 11 });
    await watching.evaluate();
    await watching.pass(600);
    expect(await watching.told()).toEqual([]);
    expect(await only(watching)).toMatchObject({
      status: "open",
      silencedUntil: body.expiresAt,
      notifiedAt: null,
      escalatedAt: null,
    });
    const listed = await server.request("GET", "/api/admin/alert-silences", { token });
    expect(listed.body.find(({ id }: { id: string }) => id === body.id)).toMatchObject({
      rule: "silenced",
      alerts: 1,
      active: true,
    });
    // Its time is over, by the database's clock.
    await server.asOwner("update app.alert_silences set expires_at = now() - interval '1 ms' where id = $1", [body.id]);
    await watching.pass(60);
    expect(await watching.told()).toEqual(["alert.opened warning to on_call"]);
  });

  it("can be about one alert, also when it comes back, or about one tenant; and be ended", async () => {
    const tenants = [await server.provision(), await server.provision()];
    const watching = await startWatching(server, "of_tenants");
    const subjects = tenants.map(({ id }) => ({ subject: id, tenantId: id, value: 11 }));
    await silence({ tenantId: tenants[0]?.slug, rule: "of_tenants" });
    watching.measure(...subjects);
    await watching.evaluate();
    expect(await watching.told()).toHaveLength(1);
    const loud = (await watching.alerts()).find(({ notifiedAt }) => notifiedAt !== null);
    const { body } = await silence({ alertId: loud?.id });
    expect(body).toMatchObject({ alertId: loud?.id, alerts: 1 });
    await post(`alerts/${loud?.id}/resolve`);
    await watching.evaluate();
    expect((await watching.told()).filter((line) => line.startsWith("alert.opened"))).toHaveLength(1);
    const ended = await server.request("DELETE", `/api/admin/alert-silences/${body.id}`, { token });
    expect(ended.body).toMatchObject({ active: false, endedBy: server.operator.email });
    await watching.evaluate();
    expect((await watching.told()).filter((line) => line.startsWith("alert.opened"))).toHaveLength(2);
  });

  it("ends after its duration at the latest although the clock goes back", async () => {
    const { body } = await silence({ rule: "silenced" });
    await server.asOwner(
      "update app.alert_silences set created_at = created_at + interval '1 day', expires_at = expires_at + interval '1 day' where id = $1",
      [body.id],
    );
    await (await startWatching(server, "rebase")).evaluate();
    const { body: listed } = await server.request("GET", "/api/admin/alert-silences", { token });
    const found = listed.find(({ id }: { id: string }) => id === body.id);
    expect(Date.parse(found.expiresAt) - Date.parse(found.createdAt)).toBe(7_200_000);
    expect(Date.parse(found.createdAt)).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  it("is about something that there is, and says for how long", async () => {
    for (const [body, code] of [
      [{}, "invalid_request"],
      [{ rule: "nothing_like_it" }, "not_found"],
      [{ alertId: "01890000-0000-7000-8000-0000000000ff" }, "not_found"],
      [{ tenantId: "nobody" }, "tenant_not_found"],
      [{ rule: "silenced", forSeconds: 0 }, "invalid_request"],
      [{ rule: "silenced", forSeconds: 32 * 86_400 }, "invalid_request"],
    ] as const) {
      expect((await silence(body)).body.code, JSON.stringify(body)).toBe(code);
    }
  });
});

it("a rule that is switched off or gone leaves no alert behind", async () => {
  const watching = await startWatching(server, "switched_off");
  watching.measure({ value: 11 });
  await watching.evaluate();
  await server.request("PUT", "/api/admin/alert-rules/switched_off", { token, body: { enabled: false } });
  await watching.evaluate();
  expect(await only(watching)).toMatchObject({ status: "resolved", resolvedBy: "rule off" });
});
