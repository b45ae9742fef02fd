import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { exitCodes, isSettled } from "@tenantctl/contract";
import { beginFile, syncFolder } from "../backup/whole-file.ts";
import { CliError, usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { incidentHtml, incidentMarkdown } from "./document.ts";
import { type Bundle, packEvidence, sealEvidence } from "./evidence.ts";
import { onIncident } from "./step-command.ts";
import { evidenceSince } from "./steps/scope.ts";
import type { Timeline } from "./timeline.ts";

const formats = { md: incidentMarkdown, html: incidentHtml } as const;

const writeWhole = async (path: string, text: string): Promise<void> => {
  const file = beginFile(path);
  try {
    await file.write(new TextEncoder().encode(text));
    await file.finish(path);
    await syncFolder(dirname(resolve(path)));
  } finally {
    await file.discard();
  }
};

/** The document is the last step of a breach: that it was written is noted before, so that it says so itself. */
const document = async (
  invocation: Invocation,
  timeline: Timeline,
  path: string,
  format: keyof typeof formats,
): Promise<void> => {
  const incident = await timeline.incident();
  const step = incident.steps.find(({ id }) => id === "document");
  if (step !== undefined && !isSettled(step.state) && incident.status === "open")
    await timeline.record({ kind: "done", step: step.id, text: `written to ${path}` });
  await writeWhole(path, formats[format](await timeline.incident()));
  invocation.out.note(`written to ${path}`);
};

const evidence = async (
  invocation: Invocation,
  timeline: Timeline,
  folder: string | undefined,
  tar: string | undefined,
): Promise<number> => {
  const { api } = timeline.place;
  if (api === undefined)
    throw new CliError(
      "unreachable",
      exitCodes.unreachable,
      "evidence is in the database, and neither it nor the API is there",
      "Set DATABASE_URL, or start the API.",
    );
  const incident = await timeline.incident();
  const since = evidenceSince(invocation, incident.openedAt);
  const scratch = folder === undefined ? await mkdtemp(join(tmpdir(), "tenantctl-evidence-")) : undefined;
  try {
    const bundle: Bundle = await sealEvidence(api, incident, since, folder ?? join(scratch ?? "", "evidence"));
    const packed = tar === undefined ? undefined : await packEvidence(bundle.folder, tar);
    const place = tar ?? bundle.folder;
    await timeline.record({
      kind: "note",
      text: `evidence sealed into ${place}: manifest SHA-256 ${bundle.manifestSha256}, key ${bundle.keyId}; ${bundle.verification}`,
    });
    const { folder: _, files, ...facts } = bundle;
    const record = { path: place, ...facts, files: files.length, ...(packed === undefined ? {} : { sha256: packed }) };
    await invocation.out.record(JSON.stringify(record), { cells: [], properties: Object.keys(record) });
    return bundle.proven ? exitCodes.done : exitCodes.problemFound;
  } finally {
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
  }
};

export const exportCommand = (invocation: Invocation): Promise<number> => {
  const { flags } = invocation;
  const file = textFlag(flags, "file");
  const folder = textFlag(flags, "evidence");
  const format = /\.html?$/i.test(file ?? "") ? "html" : /\.(md|markdown)$/i.test(file ?? "") ? "md" : undefined;
  const tar = file !== undefined && /\.tar$/i.test(file) ? file : undefined;
  if (file === undefined && folder === undefined)
    throw usage(
      "say where to: -f, --file, or --evidence",
      "-f incident.html or .md for the document; --evidence DIR or -f evidence.tar for the evidence.",
    );
  if (file !== undefined && format === undefined && tar === undefined)
    throw usage(`-f ${file}: it ends in .md or .html (the document) or in .tar (the evidence)`);
  return onIncident(invocation, async (timeline) => {
    const exit =
      folder !== undefined || tar !== undefined ? await evidence(invocation, timeline, folder, tar) : exitCodes.done;
    if (file !== undefined && format !== undefined) await document(invocation, timeline, file, format);
    return exit;
  });
};
