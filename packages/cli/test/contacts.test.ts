import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openShell } from "./fake-shell.ts";

const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
const contact = {
  name: "on-call",
  role: "on_call",
  email: null,
  phone: "1",
  minimumSeverity: "warning",
  channels: [
    {
      host: "hooks.example.com",
      status: "failing",
      since: "2026-01-01T00:00:00.000Z",
      kind: "webhook",
      id: "01890000",
    },
  ],
  previousSecretUntil: null,
  updatedAt: "2026-01-01T00:00:00.000Z",
};
const result = (ok: boolean) => ({
  host: "hooks.example.com",
  ok,
  error: ok ? null : "the connection was refused",
  next: ok ? null : "Check the firewall.",
  status: ok ? 204 : null,
  durationMs: 3,
  deliveryId: "01890000-0000-7000-8000-000000000012",
});

it("contacts set takes webhooks as a list and a secret from standard input or a file, never as an argument", async () => {
  const shell = await openShell();
  await shell.login();
  shell.api.on("PUT /api/admin/contacts/*", () => ({ body: { ...contact, signingSecret: null, changed: true } }));
  const set = (args: readonly string[], input?: string) =>
    shell.run(["contacts", "set", "Sam Öz", ...args], input === undefined ? {} : { input });
  const sent = () => shell.api.seen.at(-1);

  await set(["--role", "on_call", "--webhook-url", "https://a.example/1", "--webhook-url", "https://b.example/2"]);
  expect(sent()).toMatchObject({
    path: `/api/admin/contacts/${encodeURIComponent("Sam Öz")}`,
    body: { role: "on_call", webhookUrls: ["https://a.example/1", "https://b.example/2"] },
  });
  await set(["--webhook-url", ""]);
  expect(sent()?.body).toEqual({ webhookUrls: [] });
  await set(["--rotate-secret"]);
  expect(sent()?.body).toEqual({ rotateSecret: true });
  await set(["--signing-secret-stdin"], `${secret}\n`);
  expect(sent()?.body).toEqual({ signingSecret: secret });
  const file = join(shell.env.HOME ?? "", "secret");
  writeFileSync(file, `${secret}\n`);
  await set(["--signing-secret-file", file]);
  expect(sent()?.body).toEqual({ signingSecret: secret });
  expect(await set(["--signing-secret", secret])).toMatchObject({ code: 2 });
});

it("a new secret is on stdout, this once, and stderr says so; later sets point to the test", async () => {
  const shell = await openShell();
  await shell.login();
  shell.api.on("PUT /api/admin/contacts/on-call", () => ({
    body: { ...contact, signingSecret: secret, changed: true },
  }));
  const made = await shell.run(["contacts", "set", "on-call", "--role", "on_call"]);
  expect(made.stdout).toContain(secret);
  expect(made.stderr).toBe("give the signing secret to the receiver: it is not shown again.\n");
  shell.api.on("PUT /api/admin/contacts/on-call", () => ({ body: { ...contact, signingSecret: null, changed: true } }));
  expect((await shell.run(["contacts", "set", "on-call", "--phone", "1"])).stderr).toContain(
    "tenantctl contacts test 'on-call'",
  );
  shell.api.on("GET /api/admin/contacts", () => ({ body: [contact] }));
  expect((await shell.run(["contacts", "list"])).stdout).toContain("failing: hooks.example.com");
});

it("contacts test and deliveries resend exit 9 when a receiver did not take it, with the next step; 0 when all did", async () => {
  const shell = await openShell();
  await shell.login();
  const { deliveryId } = result(true);
  for (const [path, args, body] of [
    [
      "contacts/on-call/test",
      ["contacts", "test", "on-call"],
      (ok: boolean) => ({ ok, results: [result(true), result(ok)] }),
    ],
    [`deliveries/${deliveryId}/resend`, ["deliveries", "resend", deliveryId], result],
  ] as const) {
    shell.api.on(`POST /api/admin/${path}`, () => ({ body: body(true) }));
    expect(await shell.run(args)).toMatchObject({ code: 0, stderr: "" });
    shell.api.on(`POST /api/admin/${path}`, () => ({ body: body(false) }));
    const failed = await shell.run([...args, "-o", "json"]);
    expect(failed.code).toBe(9);
    expect(JSON.parse(failed.stdout)).toEqual(body(false));
    expect(failed.stderr).toBe("hooks.example.com: the connection was refused. Next: Check the firewall.\n");
  }
});
