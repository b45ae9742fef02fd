import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { verifyArchive } from "../src/index.ts";
import { maxPartBytes } from "../src/limits.ts";
import { chunked, refusal, smallArchive, tinyArchive } from "./fixtures/sample.ts";
import { packTar, type TarFile, unpackTar } from "./fixtures/tar-files.ts";

const verify = (bytes: Uint8Array) => verifyArchive(chunked(bytes, 4096));
const folder = "tables/0001-app.users";
const part = (number: number) => `${folder}/0000000${number}.copy.gz`;

describe("verifying", () => {
  let archive: Buffer;
  let files: TarFile[];
  let foreign: TarFile[];
  beforeAll(async () => {
    archive = await smallArchive();
    files = unpackTar(archive);
    foreign = unpackTar(await smallArchive("beta"));
  });

  const named = (name: string, of = files): TarFile => {
    const file = of.find((each) => each.name === name);
    if (file === undefined) throw new Error(`no ${name}`);
    return file;
  };
  const replaced = (name: string, content: Buffer) =>
    packTar(files.map((file) => (file.name === name ? { name, content } : file)));

  it("accepts the archive as it was written, and put together again from its files", async () => {
    expect((await verify(archive)).manifest.tables.map((table) => table.rows)).toEqual([30, 0, 3]);
    await verify(packTar(files));
  });

  it("notices each single byte that is not what it was", async () => {
    const tiny = await tinyArchive();
    for (let at = 0; at < tiny.length; at += 1) {
      const changed = Buffer.from(tiny);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const outcome = await refusal(verify(changed)).catch(() => undefined);
      expect(outcome, `byte ${at}`).toBeDefined();
    }
  });

  it("notices any change of one byte to any other", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(archive.length - 1), fc.integer({ min: 1, max: 255 }), async (at, difference) => {
        const changed = Buffer.from(archive);
        changed[at] = (changed[at] ?? 0) ^ difference;
        await refusal(verify(changed));
      }),
      { numRuns: 500 },
    );
  });

  it("notices a cut after any byte", async () => {
    for (let length = 0; length < archive.length; length += 61) {
      expect((await refusal(verify(archive.subarray(0, length)))).code, `${length} bytes`).toBe("archive_cut");
    }
    expect((await refusal(verify(archive.subarray(0, -1)))).code).toBe("archive_cut");
  });

  it("names the part that is damaged", async () => {
    const content = Buffer.from(named(part(2)).content);
    content[40] = (content[40] ?? 0) ^ 1;
    expect(await refusal(verify(replaced(part(2), content)))).toMatchObject({
      code: "archive_damaged",
      faults: [`${part(2)}: damaged, gzip cannot read it`],
    });
  });

  it("names a part that was cut, and goes on to the next fault", async () => {
    const bytes = packTar(
      files
        .filter((file) => file.name !== "tables/0003-app.notes/00000001.copy.gz")
        .map((file) => (file.name === part(1) ? { ...file, content: file.content.subarray(0, 60) } : file)),
    );
    expect((await refusal(verify(bytes))).faults).toEqual([
      "tables/0003-app.notes/00000001.copy.gz: missing",
      `${part(1)}: damaged, gzip cannot read it`,
    ]);
  });

  it("names parts that were swapped", async () => {
    const [one, two] = [named(part(1)).content, named(part(2)).content];
    const swapped = files.map((file) =>
      file.name === part(1) ? { ...file, content: two } : file.name === part(2) ? { ...file, content: one } : file,
    );
    expect((await refusal(verify(packTar(swapped)))).faults).toEqual([
      `${part(1)}: holds what belongs in ${part(2)}`,
      `${part(2)}: holds what belongs in ${part(1)}`,
    ]);
  });

  it("names a part moved here from another tenant's archive", async () => {
    expect((await refusal(verify(replaced(part(2), named(part(2), foreign).content)))).faults).toEqual([
      `${part(2)}: not what the manifest names: changed, or moved here from another archive`,
    ]);
  });

  it("names files out of their place, twice there, or unknown to the manifest", async () => {
    const [opening, ddl, create, ...rest] = files;
    if (opening === undefined || ddl === undefined || create === undefined) throw new Error("too few files");
    const faults = async (given: TarFile[]) => (await refusal(verify(packTar(given)))).faults;
    expect(await faults([opening, create, ddl, ...rest])).toEqual([`${create.name}: stands where schema.sql belongs`]);
    expect(await faults([opening, ddl, ddl, create, ...rest])).toEqual(["schema.sql: there more than once"]);
    expect(await faults([opening, ddl, { ...named(part(1)), name: part(9) }, create, ...rest])).toEqual([
      `${part(9)}: the manifest does not know it`,
    ]);
    expect(await faults(files.slice(1))).toEqual(["archive.json: missing"]);
    expect(await faults(files.slice(0, -1))).toEqual(["manifest.json: missing; the archive was never finished"]);
  });

  it("does not take one archive's manifest for another's", async () => {
    const { faults } = await refusal(verify(replaced("manifest.json", named("manifest.json", foreign).content)));
    expect(faults.some((fault) => fault.startsWith(part(1)))).toBe(true);
  });

  it("refuses bytes behind the end", async () => {
    expect((await refusal(verify(Buffer.concat([archive, Buffer.alloc(512)])))).code).toBe("archive_damaged");
  });

  it("stops a part that unpacks to more than a part may hold", async () => {
    const bomb = gzipSync(Buffer.alloc(maxPartBytes + 1));
    expect((await refusal(verify(replaced(part(1), bomb)))).code).toBe("limit_exceeded");
  });

  it("refuses a file larger than its kind may be, before reading it", async () => {
    const tar = packTar([named("archive.json"), { name: part(1), content: Buffer.alloc(9 * 1024 * 1024) }]);
    expect((await refusal(verify(tar.subarray(0, 4096)))).code).toBe("limit_exceeded");
  });

  it.each([
    "../../etc/passwd",
    "/etc/passwd",
    "tables/../x.sql",
    "tables/0001-../create.sql",
    "x",
    `${folder}/1.copy.gz`,
  ])("refuses the name %s", async (name) => {
    const error = await refusal(verify(packTar([named("archive.json"), { name, content: Buffer.alloc(1) }])));
    expect(error.code).toBe("unsafe_name");
  });

  it("says so when a newer program wrote it, whatever else that put into it", async () => {
    const newer = { name: "archive.json", content: Buffer.from('{"format":"tenantctl-archive","version":2,"x":1}\n') };
    const error = await refusal(verify(packTar([newer, { name: "something/new", content: Buffer.alloc(0) }])));
    expect(error).toMatchObject({ code: "format_newer", hint: expect.stringContaining("Update tenantctl") });
  });

  it.each([
    ["nothing", Buffer.alloc(0), "archive_cut"],
    ["text", Buffer.from("hello"), "not_an_archive"],
    ["zeros", Buffer.alloc(10_240), "not_an_archive"],
    ["JSON", Buffer.from(JSON.stringify({ tenant: {}, filler: "x".repeat(2000) })), "not_an_archive"],
  ])("refuses %s", async (_, bytes, code) => {
    expect((await refusal(verify(bytes))).code).toBe(code);
  });
});
