import { tenantStatuses } from "@tenantctl/contract";
import stringWidth from "string-width";
import { beforeAll, describe, expect, it } from "vitest";
import { createPaint } from "../src/output/paint.ts";
import { prepareWidths } from "../src/output/text-width.ts";
import type { Reading, Status } from "../src/status/known.ts";
import { headline, screenOf } from "../src/status/screen.ts";
import { sections } from "../src/status/sections.ts";
import { brokenStatus, freshStatus } from "./fixture/statuses.ts";

beforeAll(() => prepareWidths());

const paint = createPaint(false);
const url = "http://localhost:5000";
const reading = (status: Status): Reading => ({ kind: "status", status, text: JSON.stringify(status) });
const screen = (status: Status, columns?: number, rows?: number): string[] => {
  const read = reading(status);
  return screenOf(read, url, headline(read, paint), paint, { columns, rows });
};

describe("the status screen", () => {
  it("says first whether a person is needed", () => {
    expect(screen(freshStatus)[0]).toBe("ALL WELL");
    expect(screen(brokenStatus)[0]).toBe("17 THINGS NEED A PERSON");
  });

  it("fits every window however much is wrong, wide letters included", () => {
    for (const status of [freshStatus, brokenStatus])
      for (const columns of [40, 60, 79, 80, 200])
        for (const rows of [10, 18, 22, 24, 50]) {
          const lines = screen(status, columns, rows);
          expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(columns);
          expect(lines.length).toBeLessThanOrEqual(rows);
        }
  });

  it("has room for everything on a fresh system", () => {
    const text = screen(freshStatus, 60, 22).join("\n");
    for (const { title } of sections) expect(text).toContain(title);
    expect(text).not.toMatch(/overdue,? [1-9]|fail|…/);
  });

  it("keeps the worst with its command where room is short, and counts the rest", () => {
    const lines = screen(brokenStatus, 80, 22);
    expect(lines[2]).toContain("critical");
    expect(lines[3]).toContain("tenantctl");
    expect(lines.join("\n")).toMatch(/… \d+ more: tenantctl alerts list/);
    const [, shown = 0, left = 0] = [
      0,
      lines.filter((line) => /^(critical|warning)/.test(line)).length,
      Number(/… (\d+) more/.exec(lines.join("\n"))?.[1]),
    ];
    expect(shown + left).toBe(brokenStatus.needsAttentionTotal);
  });

  it("cuts nothing in a pipe, and gives every next command", () => {
    const text = screen(brokenStatus).join("\n");
    for (const { what, next } of brokenStatus.needsAttention) {
      expect(text).toContain(what);
      expect(text).toContain(next);
    }
    expect(text).not.toContain("\u001b");
  });

  it("obeys no control characters that tenants typed", () => {
    const [first] = brokenStatus.needsAttention;
    if (first === undefined) throw new Error("nothing is broken");
    const text = screen({ ...brokenStatus, needsAttention: [{ ...first, what: "\u001b[2J gone\n", next: "\u202ex" }] });
    expect(text.join("")).toContain("\\u001b[2J gone\\n");
    for (const character of ["\u001b", "\u202e"]) expect(text.join("")).not.toContain(character);
  });

  it("names every status that tenants have", () => {
    const tenants = Object.fromEntries(tenantStatuses.map((name, index) => [name, index + 1]));
    const text = screen({ ...freshStatus, tenants }).join("\n");
    for (const [name, count] of Object.entries(tenants)) expect(text).toContain(`${count} ${name}`);
  });
});
