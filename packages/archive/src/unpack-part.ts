import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { beyondLimit, damaged } from "./archive-error.ts";
import { maxPartBytes } from "./limits.ts";

const decompress = promisify(gunzip);

/** The COPY text of a part. Stops a part that unpacks to more than one may hold (`limit_exceeded`); else `archive_damaged`. */
export async function unpackPart(name: string, stored: Buffer): Promise<Buffer> {
  try {
    return await decompress(stored, { maxOutputLength: maxPartBytes, chunkSize: 256 * 1024 });
  } catch (cause) {
    if (cause instanceof RangeError) throw beyondLimit(`${name}: unpacks to more than ${maxPartBytes} bytes`);
    throw damaged(`${name}: damaged, gzip cannot read it`, { cause });
  }
}
