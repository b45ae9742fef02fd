import { Compile } from "typebox/compile";
import { ArchiveError, beyondLimit, damaged } from "./archive-error.ts";
import { maxFileBytes } from "./limits.ts";
import { Manifest } from "./manifest.ts";
import { sha256AtOnce } from "./measure.ts";

// Compiled once: a manifest is checked for every tenant of a backup.
const shape = Compile(Manifest);

const seal = (head: Uint8Array): string => `  "sha256": "${sha256AtOnce(head)}"\n}\n`;
const sealBytes = Buffer.byteLength(seal(new Uint8Array(0)));

/**
 * The manifest as it stands in the archive: JSON whose last two lines carry the SHA-256 of all lines before them, so that
 * every byte of it is covered and `head -n -2 manifest.json | sha256sum` checks it by hand.
 */
export function encodeManifest(manifest: Manifest): Buffer {
  checkManifest(manifest);
  const head = Buffer.from(JSON.stringify(manifest, null, 2));
  head.write(",\n", head.length - 2); // in place of its end, a line end and a brace
  const content = Buffer.concat([head, Buffer.from(seal(head))]);
  if (content.length > maxFileBytes.manifest) {
    throw beyondLimit(`the manifest has ${content.length} bytes; an archive's may have ${maxFileBytes.manifest}`);
  }
  return content;
}

/** Refuses what could not be read again (`source_invalid`). */
export function checkManifest(value: unknown): asserts value is Manifest {
  if (shape.Check(value)) return;
  throw new ArchiveError(
    "source_invalid",
    manifestFault(value),
    "Take the backup again with what the message names put right.",
  );
}

/** Gives `archive_damaged` for anything that `encodeManifest` did not write. */
export function decodeManifest(content: Buffer): Manifest {
  const head = content.subarray(0, Math.max(0, content.length - sealBytes));
  if (content.toString("latin1", head.length) !== seal(head)) {
    throw damaged("manifest.json: its bytes do not have the SHA-256 in its last lines");
  }
  let value: unknown;
  try {
    value = JSON.parse(`${head.toString("utf8", 0, head.length - 2)}\n}`);
  } catch (cause) {
    throw damaged("manifest.json: not JSON", { cause });
  }
  if (!shape.Check(value)) throw damaged(manifestFault(value));
  return value;
}

function manifestFault(value: unknown): string {
  const [first] = shape.Errors(value);
  return `manifest.json: ${first?.instancePath ?? ""} ${first?.message ?? "is not a manifest"}`;
}
