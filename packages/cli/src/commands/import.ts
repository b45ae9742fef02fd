import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { exitCodes } from "@tenantctl/contract";
import { createDocumentCheck } from "../backup/document-check.ts";
import { CliError, usage } from "../cli-error.ts";
import { defineCommands } from "../command.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { goOnUnread } from "../output/broken-output.ts";
import { printRestored } from "../restore/print-restore.ts";
import { sendDocument } from "../restore/send-document.ts";

const readBytes = 1024 * 1024;

/** Reads the document once and throws unless it is one whole export. */
const checkDocument = async (path: string): Promise<void> => {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw usage(
      `cannot read ${path}: ${cause.code === "ENOENT" ? "there is no such file" : cause.message}`,
      "Check the path.",
    );
  });
  // A pipe can be read once only, and what is sent must have been checked before.
  if (!found.isFile()) throw usage(`${path} is not a file`, "Name a file that `tenantctl export` wrote.");
  const check = createDocumentCheck();
  for await (const chunk of createReadStream(path, { highWaterMark: readBytes })) check.add(chunk);
  try {
    check.finish();
  } catch (cause) {
    throw new CliError(
      "export_damaged",
      exitCodes.problemFound,
      `${path} is not a whole export: ${cause instanceof Error ? cause.message.replace(/^.*: /, "") : cause}`,
      "Export again, or import another file.",
    );
  }
};

const run = async (invocation: Invocation): Promise<number> => {
  goOnUnread();
  const { args, flags, out, ask } = invocation;
  const [path, ...more] = args;
  if (path === undefined) throw usage("missing: <file>", "Name a file that `tenantctl export` wrote.");
  if (more.length > 0) throw usage("too many arguments: this command takes <file>");
  const slug = textFlag(flags, "slug") ?? (ask.possible ? await ask.text("The new tenant's slug:") : undefined);
  if (slug === undefined) throw usage("missing: --slug", "Say what the new tenant is to be called.");
  const dryRun = flags.dryRun === true;
  await checkDocument(path);
  const sent = await sendDocument(
    await invocation.api(),
    {
      route: "imports.create",
      query: { slug, ...(dryRun ? { dryRun } : {}) },
      document: () => createReadStream(path, { highWaterMark: readBytes }),
      what: "the import",
      wait: flags.wait !== false,
    },
    out.note,
  );
  if (dryRun) {
    out.note("dry run: nothing was changed, and the import would be allowed.");
    return 0;
  }
  await printRestored(
    invocation,
    sent,
    undefined,
    (made) =>
      ` It is suspended: tenantctl reactivate ${made}. Its users must set new passwords: tenantctl users reset-password ${made} EMAIL`,
  );
  return 0;
};

export const commands = defineCommands([
  {
    path: ["import"],
    covers: ["imports.create"],
    summary: "Make a tenant from a JSON export",
    description: [
      "The document is read to its end here before any of it is sent; the API takes it value for value, in one transaction.",
      "The tenant is suspended until reactivated, and its users must set new passwords: an export has none.",
    ].join(" "),
    positional: [{ name: "file", help: "A document that `tenantctl export` wrote" }],
    flags: [
      { flags: "--slug <slug>", help: "The new tenant's slug" },
      { flags: "--dry-run", help: "Only check whether it would be allowed; nothing is changed" },
      { flags: "--no-wait", help: "Don't wait for an import that goes on as an operation" },
    ],
    run,
    examples: ["import acme.json --slug acme-copy", "import acme.json --slug acme-copy --dry-run"],
  },
]);
