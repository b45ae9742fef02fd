import { mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encrypt, generateKey, type OpenArchive, openArchive, writeArchive } from "../src/index.ts";
import { chunked, collect, copyText, refusal, rowsOf, source, table } from "./fixtures/sample.ts";

const contents = { "app.users": rowsOf("acme", 200), "app.empty": [], "app.notes": rowsOf("note", 50) };

describe.each(["plain", "encrypted"])("a restore from a %s file", (form) => {
  let folder: string;
  let path: string;
  let identities: string[];
  let archive: OpenArchive;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "archive-"));
    path = join(folder, "acme.tar");
    const { identity, recipient } = await generateKey();
    identities = form === "plain" ? [] : [identity];
    const tables = Object.entries(contents).map(([name, rows]) => table(name, rows));
    const written = await collect(writeArchive(source(tables, { partBytes: 1000 })));
    await writeFile(path, form === "plain" ? written : await collect(encrypt([recipient])(chunked(written))));
    archive = await openArchive(path, { identities });
  });
  afterAll(async () => {
    await archive.close();
    await rm(folder, { recursive: true });
  });

  it("reads any table, in any order, also at the same time", async () => {
    const names = ["app.notes", "app.users", "app.empty", "app.notes"] as const;
    const texts = await Promise.all(names.map((name) => collect(archive.table(name))));
    for (const [index, name] of names.entries()) expect(texts[index]?.equals(copyText(contents[name]))).toBe(true);
  });

  it("reads all tables in one pass", async () => {
    const read: [string, string][] = [];
    for await (const { table, copy } of archive.tables()) read.push([table.name, (await collect(copy)).toString()]);
    expect(read).toEqual(Object.entries(contents).map(([name, rows]) => [name, copyText(rows).toString()]));
  });

  it("may pass over tables, or leave one half read", async () => {
    const read: string[] = [];
    for await (const { table, copy } of archive.tables()) {
      if (table.name === "app.users") for await (const _ of copy) break;
      if (table.name === "app.notes") read.push((await collect(copy)).toString());
    }
    expect(read).toEqual([copyText(contents["app.notes"]).toString()]);
  });

  it("knows which tables there are", async () => {
    const error = await refusal((async () => collect(archive.table("app.other")))());
    expect(error).toMatchObject({ code: "table_unknown", hint: "It has app.users, app.empty, app.notes." });
  });

  it("gives nothing from a file that is cut, at any kilobyte", async () => {
    const whole = await readFile(path);
    const short = join(folder, "short.tar");
    for (let length = 0; length < whole.length; length += 1024) {
      await writeFile(short, whole.subarray(0, length));
      await refusal(openArchive(short, { identities }));
    }
  });

  it("notices when the file is changed after it was verified", async () => {
    const copied = join(folder, "copied.tar");
    const bytes = await readFile(path);
    await writeFile(copied, bytes);
    const opened = await openArchive(copied, { identities });
    const file = await open(copied, "r+");
    const at = (opened.manifest.tables[0]?.parts.length ?? 0) * 100 + 6000;
    await file.write(Buffer.of((bytes[at] ?? 0) ^ 1), 0, 1, at);
    await file.close();
    await refusal(
      (async () => {
        for await (const { copy } of opened.tables()) await collect(copy);
      })(),
    );
    await opened.close();
  });

  it("leaves no file open", async () => {
    const openFiles = () => readdir("/proc/self/fd").then((names) => names.length);
    const before = await openFiles();
    await refusal(openArchive(join(folder, "short.tar"), { identities }));
    const again = await openArchive(path, { identities });
    for await (const _ of again.table("app.users")) break;
    await again.close();
    expect(await openFiles()).toBe(before);
  });
});
