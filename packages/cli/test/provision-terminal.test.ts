import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { problem, tenant } from "./fake-api.ts";
import { openShell, plain } from "./fake-shell.ts";

it.each([80, 60])("a terminal of %d columns has a bar while it goes, then who failed and the sum", async (columns) => {
  const shell = await openShell();
  await shell.login();
  shell.api.on("GET /api/admin/plans", () => ({ body: [{ name: "basic" }] }));
  shell.api.on("POST /api/admin/tenants/provision", ({ body }) => {
    const { slug } = body as { slug: string };
    if (slug === "t-7") return problem("weak_password", "A password takes 8 characters or more.", "Choose another.");
    const made = { adminId: "01890000-0000-7000-8000-000000000002", adminSecret: null, adminSecretExpiresAt: null };
    return { status: 201, body: { ...tenant(slug), ...made, dryRun: false } };
  });
  const rows = Array.from({ length: 40 }, (_, index) =>
    JSON.stringify({
      name: `T ${index}`,
      contactEmail: "it@t.example",
      adminName: "Ada",
      adminEmail: "ada@t.example",
      adminPassword: "correct horse",
      plan: "basic",
    }),
  );
  const file = join(shell.env.HOME ?? "", "tenants.jsonl");
  writeFileSync(file, rows.join("\n"));
  const running = shell.terminal(["provision", "--file", file], columns);
  const { code, stdout } = await running.exit;
  // Each frame of a bar begins in the first column again; the last ends with the cursor's old place.
  const frames = stdout
    .replaceAll("\u001b8", "")
    .replaceAll("\u001b[1G", "\n")
    .split(/[\r\n]+/)
    .map(plain);
  expect(frames.some((frame) => /^provisioning {2}[━─]+ +\d+\/40/.test(frame))).toBe(true);
  for (const frame of frames.filter((line) => line.startsWith("provisioning ")))
    expect(frame.trimEnd().length).toBeLessThan(columns);
  expect(plain(stdout)).toMatch(/failed: line 8, t-7: A password takes 8 characters or more\.\n/);
  expect(frames.filter((frame) => frame !== "").at(-1)).toMatch(/^provisioned 39 tenants, 1 failed, in \d+\.\d s$/);
  expect(code).toBe(3);
});
