import { type ErrorCode, errors } from "@tenantctl/contract";
import { describe, expect, it } from "vitest";
import { details, problem, tenant } from "./fake-api.ts";
import { openShell } from "./fake-shell.ts";

const change = (slug: string, more: Record<string, unknown> = {}) => ({
  ...tenant(slug),
  changed: true,
  dryRun: false,
  sessionsEnded: 2,
  ...more,
});

describe("exit codes", () => {
  it("are the contract's for an error of the API, with its hint and request id on stderr", async () => {
    const shell = await openShell();
    await shell.login();
    const wanted: ErrorCode[] = [
      "tenant_not_found",
      "forbidden",
      "transition_forbidden",
      "rate_limited",
      "database_unavailable",
      "internal",
    ];
    for (const code of wanted) {
      shell.api.on("GET /api/admin/tenants/acme", () => problem(code, `It was ${code}.`, "Do this."));
      const show = await shell.run(["show", "acme"]);
      expect(show).toMatchObject({ code: errors[code].exit, stdout: "" });
      expect(show.stderr).toBe(`error: It was ${code}.\nnext: Do this.\nrequest: req-1\n`);
      const json = await shell.run(["show", "acme", "-o", "json"]);
      expect(JSON.parse(json.stderr)).toEqual({
        code,
        exit: errors[code].exit,
        detail: `It was ${code}.`,
        hint: "Do this.",
        requestId: "req-1",
      });
    }
  });

  it("are 2 for a mistake in the command line, with a suggestion", async () => {
    const shell = await openShell();
    await shell.login();
    const mistakes: [string[], RegExp][] = [
      [["lst"], /Did you mean list\?/],
      [["users", "lst"], /Did you mean list\?/],
      [["list", "--stauts", "active"], /Did you mean --status\?/],
      [["list", "--status", "asleep"], /active, suspended/],
      [["list", "-o", "xml"], /json/],
      [["list", "extra"], /takes no arguments/],
      [["users"], /say which command/],
      [["incident", "open"], /incident open: say which command\nnext: `tenantctl incident open --help`/],
      [["users", "create", "--role", "king"], /Allowed choices .*\nnext: `tenantctl users create --help`/],
      [["--context", "default", "users", "create", "--rle", "king"], /`tenantctl users create --help`/],
      [["list", "--json"], /Did you mean -o json\? `tenantctl list --help`/],
      [["redeem"], /missing: --secret-file, --new-password-file\n/],
      [["users", "create", "acme"], /missing: --name, --email, --password-stdin \(or a file\), --role/],
      [["users", "list"], /missing: --tenant/],
      [["show"], /missing: <tenant>/],
      [["audit", "--since", "soon"], /--since takes a time/],
      [["logs"], /--denied or --failed/],
    ];
    for (const [args, said] of mistakes) {
      const exit = await shell.run(args);
      expect({ args, code: exit.code, stdout: exit.stdout }).toEqual({ args, code: 2, stdout: "" });
      expect(exit.stderr).toMatch(said);
      expect(exit.stderr).toMatch(/^next: /m);
      expect(exit.stderr).not.toContain("    at ");
    }
    expect(JSON.parse((await shell.run(["lst", "-o", "json"])).stderr)).toMatchObject({ code: "usage", exit: 2 });
  });

  it("name what was typed where the API refuses it by its own names", async () => {
    const shell = await openShell();
    await shell.login();
    const refuse = (...faults: { path: string; message: string }[]) => {
      const first = faults[0];
      const detail = `${first?.path} ${first?.message}.`;
      return problem("invalid_request", detail, "`/docs` describes each request.", { faults });
    };
    shell.api.on("PATCH /api/admin/tenants/acme", () =>
      refuse({ path: "body.contactEmail", message: "must be an e-mail address" }),
    );
    expect(await shell.run(["update", "acme", "--contact-email", "nobody"])).toMatchObject({
      code: 2,
      stderr:
        "error: --contact-email must be an e-mail address.\nnext: `tenantctl update --help` shows what it takes.\n",
    });
    shell.api.on("POST /api/admin/alerts/none/acknowledge", () =>
      refuse({ path: "params.id", message: "must NOT have fewer than 36 characters" }),
    );
    expect(await shell.run(["alerts", "acknowledge", "none"])).toMatchObject({
      code: 2,
      stderr: "error: <alert> is no id.\nnext: `tenantctl alerts list -o json` shows the ids.\n",
    });
    shell.api.on("GET /api/admin/metrics", () => refuse({ path: "querystring.stepMinutes", message: "must be >= 1" }));
    expect((await shell.run(["metrics", "--step-minutes", "0"])).stderr).toMatch(/^error: --step(-minutes)? must be/);
    // What the command has no word for is said as the API says it.
    shell.api.on("PATCH /api/admin/tenants/acme", () =>
      refuse({ path: "body.other", message: "is not a known field" }),
    );
    expect((await shell.run(["update", "acme", "--name", "A"])).stderr).toMatch(/^error: body\.other is not a known/);
  });

  it("are 9 when nothing answers, with the next command", async () => {
    const shell = await openShell();
    await shell.login();
    await shell.api.close();
    for (const args of [["status"], ["list"]]) {
      const exit = await shell.run(args);
      expect(exit.code).toBe(9);
      expect(exit.stderr).toMatch(/does not answer/);
      expect(exit.stderr).toMatch(/next: .*start/);
    }
  });

  it("are 130 and 143 for signals", async () => {
    const shell = await openShell();
    await shell.login();
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      const asked = new Promise<void>((resolve) =>
        shell.api.on("GET /api/admin/tenants/slow", () => {
          resolve();
          return new Promise(() => undefined);
        }),
      );
      const show = shell.start(["show", "slow"]);
      await asked;
      show.kill(signal);
      expect(await show.exit).toMatchObject({ code, stdout: "" });
    }
  });

  it("are 0 for an empty list, which is said on stderr, and for a reader that has had enough", async () => {
    const shell = await openShell();
    await shell.login();
    shell.api.on("GET /api/admin/tenants", () => ({ body: [] }));
    expect(await shell.run(["list"])).toMatchObject({ code: 0, stdout: "", stderr: "no tenants found\n" });
    expect(await shell.run(["list", "-o", "json"])).toMatchObject({ code: 0, stdout: "[]\n", stderr: "" });
    shell.api.on("GET /api/admin/tenants", () => ({
      body: Array.from({ length: 5000 }, (_, index) => tenant(`tenant-${index}`)),
    }));
    const { startProcess } = await import("../../database/test/harness/process.ts");
    const { fileURLToPath } = await import("node:url");
    const bin = fileURLToPath(new URL("../bin/tenantctl.js", import.meta.url));
    const script = `"${process.execPath}" "${bin}" list | head -1; echo "\${PIPESTATUS[0]}"`;
    const piped = await startProcess("bash", ["-c", script], { env: shell.env }).exit;
    expect(piped.stderr).toBe("");
    expect(piped.stdout).toMatch(/^SLUG.*\n0\n$/);
  });
});

describe("a list", () => {
  it("reads every page, or as many rows as --limit says, and prints what the API wrote", async () => {
    const shell = await openShell();
    await shell.login();
    shell.api.on("GET /api/audit-logs", ({ url }) => {
      const start = Number(url.searchParams.get("cursor") ?? 0);
      const size = Math.min(2, Number(url.searchParams.get("limit")));
      const rows = [0, 1].slice(0, size).map((index) => `{"id": "${start + index}", "n": 1.50}`);
      return {
        body: `[${rows.join(", ")}]`,
        headers: start < 4 ? { link: `</api/audit-logs?cursor=${start + 2}>; rel="next"` } : {},
      };
    });
    const all = await shell.run(["audit", "-o", "jsonl"]);
    expect(all.stdout).toBe(Array.from({ length: 6 }, (_, index) => `{"id":"${index}","n":1.50}\n`).join(""));
    const three = await shell.run(["audit", "--limit", "3", "-o", "json"]);
    expect(three.stdout).toBe('[{"id":"0","n":1.50},{"id":"1","n":1.50},{"id":"2","n":1.50}]\n');
    shell.api.on("GET /api/audit-logs", () => ({ body: '[{"id": "1",  "n": 1.50}]' }));
    expect((await shell.run(["audit", "-o", "json"])).stdout).toBe('[{"id": "1",  "n": 1.50}]\n');
  });
});

describe("steps that take something away", () => {
  it("need --yes without a terminal, or the slug for a hard delete; a dry run needs neither", async () => {
    const shell = await openShell();
    await shell.login();
    shell.api.on("GET /api/admin/tenants/*", () => ({ body: details("acme") }));
    shell.api.on("POST /api/admin/tenants/acme/delete", ({ body, url }) => {
      const { hardDelete = false } = body as { hardDelete?: boolean };
      const dryRun = url.searchParams.get("dryRun") === "true";
      return {
        body: change("acme", {
          dryRun,
          hard: hardDelete,
          rows: hardDelete ? { users: 3 } : null,
          operation: null,
          purgeAt: "2026-01-01T00:00:00.000Z",
        }),
      };
    });
    const sent = (): unknown[] =>
      shell.api.seen.filter(({ path }) => path.split("?")[0]?.endsWith("/delete")).map(({ body }) => body);
    expect((await shell.run(["delete", "acme"])).code).toBe(2);
    expect((await shell.run(["delete", "acme", "--hard"])).code).toBe(2);
    expect((await shell.run(["delete", "acme", "--hard", "--yes"])).code).toBe(2);
    expect((await shell.run(["delete", "acme", "--force", "--yes"])).code).toBe(2);
    expect((await shell.run(["delete", "acme", "--dry-run"])).stderr).toContain("dry run: nothing was changed");
    expect((await shell.run(["delete", "acme", "--hard", "--confirm", "acne"])).code).toBe(2);
    expect(sent()).toEqual([{}, { hardDelete: true }]);
    expect((await shell.run(["delete", "acme", "--yes"])).stderr).toContain("Undo: tenantctl undelete acme");
    expect((await shell.run(["delete", "acme", "--hard", "--force", "--confirm", "acme"])).stderr).toContain(
      "for good",
    );
    expect(sent().slice(2)).toEqual([{}, { hardDelete: true, force: true }, { hardDelete: true, force: true }]);
  });

  it("wait for a hard delete that goes on as an operation, and fail when it fails", async () => {
    const shell = await openShell();
    await shell.login();
    const operation = (status: string) => ({
      id: "01890000-0000-7000-8000-000000000006",
      kind: "hard_delete",
      tenantId: null,
      tenantSlug: "acme",
      status,
      plan: { users: 3 },
      progress: { users: status === "running" ? 1 : 3 },
      result: null,
      error: status === "failed" ? "disk full" : null,
      requestedBy: "op",
      createdAt: "2025-12-01T10:00:00.000Z",
      startedAt: null,
      finishedAt: null,
    });
    shell.api.on("POST /api/admin/tenants/acme/delete", ({ url }) => ({
      status: 202,
      body: change("acme", {
        dryRun: url.searchParams.has("dryRun"),
        hard: true,
        rows: null,
        operation: operation("running"),
      }),
    }));
    const statuses = ["running", "succeeded", "failed"];
    shell.api.on("GET /api/admin/operations/*", () => ({ body: operation(statuses.shift() ?? "failed") }));
    const args = ["delete", "acme", "--hard", "--confirm", "acme"];
    const done = await shell.run(args);
    expect(done.code).toBe(0);
    expect(done.stderr).toMatch(
      /^running: 1 of 3 rows\nsucceeded: 3 of 3 rows\nremoved acme for good\. Certificate: tenantctl operations certificate \S+\n$/,
    );
    const failed = await shell.run(args);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("disk full");
  });
});

describe("status", () => {
  it("shows health without a login, and 10 when a person is needed", async () => {
    const shell = await openShell();
    const env = { TENANTCTL_API_URL: shell.api.url };
    const well = await shell.run(["status"], { env });
    expect(well.code).toBe(0);
    expect(well.stdout).toMatch(/^HEALTH OK\n/);
    expect(well.stderr).toContain("tenantctl login");
    shell.api.on("GET /api/health", () => ({
      status: 503,
      body: {
        status: "down",
        database: { reachable: false, latencyMs: null },
        migrations: "unknown",
        uptimeSeconds: 5,
      },
    }));
    expect((await shell.run(["status"], { env })).code).toBe(10);
  });
});

describe("another version", () => {
  it("of the API is said in one sentence, and a step it does not know is explained", async () => {
    const shell = await openShell();
    await shell.login();
    shell.api.on("GET /api/admin/tenants", () => ({
      body: [tenant("acme")],
      headers: { "x-tenantctl-version": "9.0.0" },
    }));
    const list = await shell.run(["list"]);
    expect(list.code).toBe(0);
    expect(list.stderr).toMatch(/^note: this tenantctl \(.*\) is older than the API \(9\.0\.0\).*\n$/);
    const plans = await shell.run(["plans", "list"]);
    expect(plans.code).toBe(6);
    expect(plans.stderr).toContain("it is older than this tenantctl");
  });
});
