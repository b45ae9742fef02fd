import { existsSync } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { exitCodes } from "@tenantctl/contract";
import { type Exported, fetchExport } from "../backup/fetch-export.ts";
import { fileNameOf } from "../backup/run-folder.ts";
import { stallTimeoutFlag, stallTimeoutMs } from "../backup/stall-timeout.ts";
import { beginFile, localFault, syncFolder } from "../backup/whole-file.ts";
import { CliError, usage } from "../cli-error.ts";
import { defineCommands } from "../command.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { bytesText } from "../output/cell.ts";
import { cleanLine, cleanText } from "../output/clean.ts";
import { reportError } from "../report-error.ts";

type Write = (chunk: Uint8Array) => Promise<void>;
type Fetch = (write: Write) => Promise<Exported>;

/** Where an export goes. `file` is null where it has no name of its own. */
type Sink = (fetch: Fetch) => Promise<{ readonly exported: Exported; readonly file: string | null }>;

const toStdout =
  (json: boolean): Sink =>
  async (fetch) => {
    const { stdout } = process;
    // A reader that has seen enough is fine; a full disk behind `>` must not pass in silence.
    stdout.prependListener("error", (cause: NodeJS.ErrnoException) => {
      if (cause.code !== "EPIPE") process.exit(reportError(localFault("standard output", cause), json, false));
    });
    const decoder = new TextDecoder();
    const pass = (data: Uint8Array | string): Promise<void> =>
      new Promise((done, failed) => {
        stdout.write(data, (cause) => (cause ? failed(localFault("standard output", cause)) : done()));
      });
    // On a terminal nothing in the data may be taken for a command.
    const shown = (chunk: Uint8Array): Promise<void> => pass(cleanText(decoder.decode(chunk, { stream: true })));
    return { exported: await fetch(stdout.isTTY === true ? shown : pass), file: null };
  };

/** A device or a pipe: nothing to rename, it is written to as it is. */
const toDevice =
  (path: string): Sink =>
  async (fetch) => {
    const handle = await open(path, "w").catch((cause: unknown) => {
      throw localFault(path, cause);
    });
    try {
      const exported = await fetch((chunk) =>
        handle.writeFile(chunk).catch((cause: unknown) => {
          throw localFault(path, cause);
        }),
      );
      return { exported, file: path };
    } finally {
      await handle.close();
    }
  };

/** `pathOf`: the file's name, which may depend on whose export it turns out to be. */
const toFile =
  (beside: string, pathOf: (exported: Exported) => string): Sink =>
  async (fetch) => {
    const file = beginFile(beside);
    try {
      const exported = await fetch(file.write);
      const path = pathOf(exported);
      await file.finish(path);
      await syncFolder(dirname(path));
      return { exported, file: path };
    } finally {
      await file.discard();
    }
  };

const namedFile = async (path: string): Promise<Sink> => {
  if (path === "") throw usage("--file is empty", "Give a path, or - for standard output.");
  // A link stays, and what it leads to is replaced.
  const target = await realpath(path).catch(() => path);
  // Not statSync: after it has seen a pipe, Node 20 does not resolve links of modules that are loaded later.
  const there = await stat(target).catch(() => undefined);
  if (there?.isDirectory()) throw usage(`${path} is a folder`, "Name the file: -f folder/acme.json.");
  return there === undefined || there.isFile() ? toFile(target, () => target) : toDevice(target);
};

/** In this folder, under the tenant's own name; a file that nobody named is never replaced. */
const ownName = (): Sink => {
  const pathOf = ({ tenant }: Exported): string => {
    const name = fileNameOf(tenant.slug);
    if (existsSync(name)) throw isThere(name);
    return name;
  };
  return toFile(resolve("export.json"), pathOf);
};

const isThere = (name: string): CliError =>
  new CliError("file_exists", exitCodes.conflict, `${name} is there already`, `-f ${name} replaces it.`);

const sinkOf = async ({ flags, settings }: Invocation): Promise<Sink> => {
  const file = textFlag(flags, "file");
  if (file !== undefined && file !== "-") return namedFile(file);
  // A whole tenant's data belongs neither on a screen nor in its scrollback.
  if (file === undefined && process.stdout.isTTY === true) return ownName();
  if (settings.output !== "table" && settings.output !== "json")
    throw usage(
      `an export is one JSON document, not ${settings.output}`,
      "With -f FILE, -o says how its summary is printed.",
    );
  return toStdout(settings.output === "json");
};

const report = async ({ out, settings }: Invocation, exported: Exported, file: string): Promise<void> => {
  const { tenant, counts, bytes, sha256 } = exported;
  if (settings.output !== "table") {
    const summary = { tenant: tenant.slug, tenantId: tenant.id, file, bytes, sha256, rows: counts };
    return out.record(JSON.stringify(summary), { cells: [], properties: Object.keys(summary) });
  }
  const rows = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([table, count]) => `${table} ${count}`);
  out.note(cleanLine(`exported ${tenant.slug}: ${rows.join(", ") || "no rows"}; ${bytesText(bytes)}: ${file}`));
};

const run = async (invocation: Invocation): Promise<number> => {
  const stallMs = stallTimeoutMs(invocation);
  const sink = await sinkOf(invocation);
  const { input } = await invocation.gathered();
  const api = await invocation.api();
  const tenant = typeof input.query.tenantId === "string" ? input.query.tenantId : undefined;
  const { exported, file } = await sink((write) => fetchExport(api, { tenant, stallMs, write }));
  if (file !== null) await report(invocation, exported, file);
  return exitCodes.done;
};

export const commands = defineCommands([
  {
    path: ["export"],
    route: "tenants.export",
    summary: "Export a tenant's data as one JSON document",
    description: [
      "Every protected table from one consistent snapshot, without password hashes, sessions and tokens.",
      "It goes to standard output; on a terminal, where nobody could read it, to <slug>.json in this folder instead.",
      "With -f, the file is replaced only by a whole one, readable by its owner alone. A transfer that breaks off",
      "leaves no file (exit 9).",
    ].join(" "),
    flags: [{ flags: "-f, --file <path>", help: "Write to this file; - is standard output" }, stallTimeoutFlag],
    run,
    examples: ["export acme -f acme.json", "export acme | jq .counts", "export acme -f acme.json -o json"],
  },
]);
