import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inflateSync } from "node:zlib";
import type { CheckRun, Figure } from "@tenantctl/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runHtml } from "../src/report/run-html.ts";
import { runMarkdown } from "../src/report/run-markdown.ts";

const rubbish = `"><script>top.pwned=1</script><img src=x onerror="top.pwned=1">|\`*_[a](javascript:x)\u202e\u0007\n# x`;
const days = Array.from({ length: 90 }, (_, day) => new Date(Date.UTC(2026, 7, 1 + day)).toISOString().slice(0, 10));

const figures: readonly Figure[] = [
  {
    item: "capacity",
    title: `Disk ${rubbish}`,
    kind: "line",
    unit: "bytes",
    labels: days,
    series: [
      { name: "measured", values: days.map((_, day) => (day === 40 ? null : 60e9 + day * 4e8)) },
      { name: "line", values: days.map((_, day) => 60e9 + day * 4e8) },
    ],
  },
  {
    item: "quota_usage",
    title: "The fullest quotas",
    kind: "ranking",
    unit: "percent",
    labels: [rubbish, "x".repeat(200), "acme: users"],
    series: [{ name: rubbish, values: [120, 99, 80] }],
  },
  {
    item: "quota_usage",
    title: "One day",
    kind: "line",
    unit: "count",
    labels: ["2026-11-23"],
    series: [{ name: "n", values: [1] }],
  },
  {
    item: "quota_usage",
    title: "Nothing",
    kind: "bars",
    unit: "count",
    labels: [],
    series: [{ name: "n", values: [] }],
  },
];

const run: CheckRun = {
  id: "01890000-0000-7000-8000-000000000007",
  cadence: "monthly",
  result: "problem",
  problems: 1,
  warnings: 0,
  needsPerson: 1,
  since: "2026-10-23T10:00:00.000Z",
  startedAt: "2026-11-23T10:00:00.000Z",
  finishedAt: "2026-11-23T10:00:01.000Z",
  by: rubbish,
  signedOffAt: "2026-11-23T11:00:00.000Z",
  signedOffBy: rubbish,
  note: rubbish,
  items: [
    {
      id: "quota_usage",
      title: "Monitor quota usage",
      result: "problem",
      evidence: [rubbish, `  ${"w".repeat(400)}`],
      next: `tenantctl quotas show ${rubbish}`,
    },
    { id: "capacity", title: "Plan capacity upgrades", result: "needs_person", evidence: ["all well"], next: null },
  ],
  figures: [...figures],
};
const system = "http://127.0.0.1:5000";

describe("the HTML report", () => {
  it("needs nothing beside itself, and shows what tenants typed as they typed it", async () => {
    const page = await runHtml(run, system);
    const tags = page.match(/<[a-z][^>]*>/gi) ?? [];
    expect(
      tags.filter((tag) =>
        /^<(script|img|link|iframe|object|embed|base|form)\b|\son\w+=/i.test(tag.replace(/"[^"]*"/g, '""')),
      ),
    ).toEqual([]);
    expect(tags.filter((tag) => /\s(src|href|xlink:href)="(?!#)/i.test(tag))).toEqual([]);
    expect(page).not.toMatch(/url\((?!#)|@import/);
    expect(page).toContain("&lt;script&gt;top.pwned=1&lt;/script&gt;");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be in it
    expect(page).not.toMatch(/[\u0007\u202e]/);
  });

  it("draws in the page's colours, twice for two widths, and leaves out what has no values", async () => {
    const page = await runHtml(run, system);
    expect(page.match(/<svg/g)).toHaveLength(6);
    expect(page).toMatch(/stroke="var\(--series-1\)"/);
    expect(page).toMatch(/fill="var\(--series-1\)"/);
    expect(page).toMatch(/fill="var\(--axis\)"/);
    expect(page).not.toMatch(/#01020\d/);
    expect(page).not.toContain("<figcaption>Nothing");
  });
});

describe("the Markdown report", () => {
  it("has a section for each item, tables for charts, and no markup that a tenant typed", () => {
    const text = runMarkdown(run, system);
    expect(text).toMatch(/^# Monthly checklist, 2026-11-23\n/);
    expect(text.match(/^## /gm)).toHaveLength(2);
    expect(text).toContain("## Plan capacity upgrades: Needs a person");
    expect(text).toContain("\n| 2026-10-29 |");
    // In a command it is code, which is not obeyed.
    const outside = text.replace(/^Next: (`+) .* \1$/gm, "");
    expect(outside).not.toMatch(/<script|<img/);
    expect(outside).not.toMatch(/(?<!\\)\[a(?<!\\)\]\(/);
    for (const row of text.split("\n").filter((line) => line.startsWith("| ")))
      expect(row.match(/(?<!\\)\|/g)?.length).toBeGreaterThanOrEqual(3);
  });
});

const browser = ["chromium", "chromium-browser", "google-chrome"].find((name) => {
  try {
    execFileSync(name, ["--version"], { stdio: "ignore", timeout: 60_000 });
    return true;
  } catch {
    return false;
  }
});

/** What the page in the frame is like, found by the page around it: the report itself may run nothing. */
const looker = (page: string, width: number): string => {
  const escaped = page.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  return `<!doctype html><body><iframe width="${width}" height="900" srcdoc="${escaped}"></iframe><script>
    document.querySelector("iframe").addEventListener("load", ({ target }) => {
      const { documentElement: root } = target.contentDocument;
      const shown = [...root.querySelectorAll("svg")].filter((svg) => svg.getBoundingClientRect().width > 0);
      const found = { overflow: root.scrollWidth - root.clientWidth, shown: shown.length,
        widest: Math.max(...shown.map((svg) => svg.getBoundingClientRect().right)),
        scripts: root.querySelectorAll("script, img, iframe").length, pwned: window.pwned ?? null,
        letters: Math.min(...shown.flatMap((svg) => [...svg.querySelectorAll("text")].map((text) => text.getBoundingClientRect().height))) };
      document.body.textContent = "FOUND" + JSON.stringify(found) + "END";
    });</script></body>`;
};

describe.skipIf(browser === undefined)("the HTML report in Chromium (skipped where there is none)", () => {
  let dir: string;
  let path: string;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "tenantctl-report-"));
    path = join(dir, "report.html");
    writeFileSync(path, await runHtml(run, system));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const chromium = (url: string, ...flags: string[]): string =>
    execFileSync(
      browser ?? "",
      [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        `--user-data-dir=${join(dir, "profile")}`,
        ...flags,
        pathToFileURL(url).href,
      ],
      { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 120_000, maxBuffer: 1 << 26 },
    );

  /** The colour in the page's corner: PNG's filters leave the first pixel as it is. */
  const corner = (...flags: string[]): number[] => {
    const image = join(dir, "image.png");
    chromium(path, "--window-size=800,600", `--screenshot=${image}`, ...flags);
    const png = readFileSync(image);
    const parts: Buffer[] = [];
    for (let at = 8; at < png.length; ) {
      const length = png.readUInt32BE(at);
      if (png.toString("latin1", at + 4, at + 8) === "IDAT") parts.push(png.subarray(at + 8, at + 8 + length));
      at += length + 12;
    }
    return [...inflateSync(Buffer.concat(parts)).subarray(1, 4)];
  };

  it("is light on light and dark on dark", () => {
    expect(corner()).toEqual([255, 255, 255]);
    expect(corner("--blink-settings=preferredColorScheme=0")).toEqual([15, 19, 24]);
  }, 180_000);

  it.each([400, 1000])(
    "fits %i columns with letters that can be read, and runs nothing",
    (width) => {
      const page = join(dir, `look-${width}.html`);
      writeFileSync(page, looker(readFileSync(path, "utf8"), width));
      const [, found = "{}"] = /FOUND(.*)END/.exec(chromium(page, "--window-size=1200,1000", "--dump-dom")) ?? [];
      const { overflow, shown, widest, scripts, pwned, letters } = JSON.parse(found);
      expect({ overflow, shown, scripts, pwned }).toEqual({ overflow: 0, shown: 3, scripts: 0, pwned: null });
      expect(widest).toBeLessThanOrEqual(width);
      expect(letters).toBeGreaterThan(9);
    },
    180_000,
  );

  it("prints", () => {
    const file = join(dir, "report.pdf");
    chromium(path, "--no-pdf-header-footer", `--print-to-pdf=${file}`);
    const text = readFileSync(file).toString("latin1");
    expect(text.startsWith("%PDF-")).toBe(true);
    const pages = text.match(/\/Type\s*\/Page\b(?!s)/g)?.length ?? 0;
    expect(pages).toBeGreaterThanOrEqual(1);
    expect(pages).toBeLessThanOrEqual(5);
  }, 180_000);
});
