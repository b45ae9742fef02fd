import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type TestDatabase } from "../../database/test/harness/database.ts";
import { encrypt, generateKey, type TableSource, verifyArchive, writeArchive } from "../src/index.ts";
import { chunked, source } from "./fixtures/sample.ts";

const run = promisify(execFile);
const maxBuffer = 256 * 1024 * 1024;

const missing = (...tools: string[]): string =>
  tools.filter((tool) => spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0).join(", ");

/** Tables with what is easily lost: a long row, odd names, a key to itself, values COPY must escape. */
const tables = [
  {
    name: "app.people",
    columns: {
      id: "integer",
      boss: "integer",
      body: "text",
      at: "timestamp with time zone",
      bytes: "bytea",
      n: "numeric",
    },
    create: `create table app.people (id int primary key, boss int, body text check (body <> 'no'), at timestamptz,
               bytes bytea, n numeric, twice numeric generated always as (n * 2) stored);`,
    constraints: "alter table app.people add foreign key (boss) references app.people;",
    fill: `insert into app.people values
             (1, 3, E'tab\\t line\\n back\\\\slash \\r \\b \\f \\v', '-infinity', '\\x00ff5c0a09', 'NaN'),
             (2, 1, '\\N', '0044-03-15 12:00:00+00 BC', '', 1.10),
             (3, 2, null, null, null, -0.000), (4, 4, '', now(), '\\x', 1e100);
           insert into app.people (id, body) select 5, repeat('long ', 4000000);
           insert into app.people (id, body) select n, 'row ' || n from generate_series(6, 5000) n;`,
  },
  {
    name: 'app."Odd, ""Name"""',
    columns: { 'a "b"': "jsonb", é: "text[]" },
    create: `create table app."Odd, ""Name""" ("a ""b""" jsonb, "é" text[]);`,
    constraints: "",
    fill: `insert into app."Odd, ""Name""" values ('{"a": "\\\\ \\t"}', array['ü', null, 'NULL', '"']);`,
  },
  {
    name: "app.empty",
    columns: { id: "integer" },
    create: "create table app.empty (id int);",
    constraints: "",
    fill: "",
  },
];

const blocks = async (): Promise<string[]> => {
  const text = await readFile(new URL("../../../docs/archive-format.md", import.meta.url), "utf8");
  const section = text.slice(text.indexOf("## Recovery by hand"));
  return [...section.matchAll(/^```bash\n(.*?)^```$/gms)].map((match) => match[1] ?? "");
};

for (const form of ["plain", "age"]) {
  const lacking = missing("bash", "tar", "gunzip", "jq", "sha256sum", "psql", ...(form === "age" ? ["age"] : []));
  const name = `recovery by hand of ${form === "age" ? "an encrypted" : "a plain"} archive`;
  describe.skipIf(lacking !== "")(lacking === "" ? name : `${name}: skipped, there is no ${lacking}`, () => {
    let folder: string;
    let from: TestDatabase;
    let to: TestDatabase;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "archive-"));
      [from, to] = await Promise.all([createDatabase(), createDatabase()]);
    });
    afterAll(async () => {
      await Promise.all([from?.drop(), to?.drop()]);
      await rm(folder, { recursive: true });
    });

    const psql = (database: TestDatabase, ...statements: string[]) =>
      run("psql", [database.url, "-XqAt", "-v", "ON_ERROR_STOP=1", ...statements.flatMap((each) => ["-c", each])], {
        encoding: "buffer",
        maxBuffer,
        env: { ...process.env, PGCLIENTENCODING: "UTF8", PGTZ: "UTC" },
      }).then(({ stdout }) => stdout);
    const quoted = (columns: object) => Object.keys(columns).map((column) => `"${column.replaceAll('"', '""')}"`);
    const copyOf = (database: TestDatabase, table: (typeof tables)[number]) => {
      const columns = quoted(table.columns).join(", ");
      return psql(database, `copy (select ${columns} from ${table.name} order by 1) to stdout`);
    };

    it("gives every row back, with the commands of docs/archive-format.md", async () => {
      await psql(
        from,
        "create schema app",
        ...tables.flatMap((table) => [table.create, table.constraints, table.fill]),
      );
      const texts = await Promise.all(tables.map((table) => copyOf(from, table)));
      const sources = tables.map(
        (table, index): TableSource => ({
          table: {
            name: table.name,
            columns: Object.entries(table.columns).map(([column, type]) => ({ name: column, type, notNull: false })),
            generatedColumns: [],
            primaryKey: [],
          },
          ddl: { create: `${table.create}\n`, constraints: `${table.constraints}\n` },
          copy: chunked(texts[index] ?? Buffer.alloc(0), 64 * 1024),
          facts: async () => ({ rows: Number(await psql(from, `select count(*) from ${table.name}`)), digest: "none" }),
        }),
      );
      const { identity, recipient } = await generateKey();
      const archive = join(folder, "acme.tar");
      const keyFile = join(folder, "key.txt");
      await writeFile(keyFile, `# a key\n${identity}\n`, { mode: 0o600 });
      const written = writeArchive(source(sources));
      await pipeline(form === "age" ? encrypt([recipient])(written) : written, createWriteStream(archive));

      const script = (await blocks()).join("\n");
      const unpack = /^age -d .*# not encrypted: (.*)$/m;
      expect(script).toMatch(unpack);
      await run("bash", ["-euo", "pipefail", "-c", form === "age" ? script : script.replace(unpack, "$1")], {
        cwd: folder,
        maxBuffer,
        env: { ...process.env, ARCHIVE: archive, KEY_FILE: keyFile, TARGET_URL: to.url },
      });

      for (const [index, table] of tables.entries()) {
        expect((await copyOf(to, table)).equals(texts[index] ?? Buffer.alloc(0)), table.name).toBe(true);
      }
      expect(String(await psql(to, "select twice from app.people where id = 2"))).toBe("2.20\n");
      await expect(psql(to, "insert into app.people (id, boss) values (0, -1)")).rejects.toThrow("foreign key");
    });

    if (form !== "age") return;
    it("and what the age command encrypts can be read", async () => {
      const { identity, recipient } = await generateKey();
      const child = execFile("age", ["-r", recipient], { encoding: "buffer", maxBuffer });
      const { stdin, stdout } = child;
      if (stdin === null || stdout === null) throw new Error("age has no pipes");
      const verified = verifyArchive(stdout, { identities: [identity] });
      await pipeline(writeArchive(source([])), stdin);
      expect((await verified).manifest.tenant?.slug).toBe("acme");
      if (child.exitCode === null) await once(child, "exit");
    });
  });
}
