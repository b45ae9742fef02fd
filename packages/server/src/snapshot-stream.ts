import { PassThrough, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Snapshot } from "@tenantctl/database";

/**
 * A response body that `write` produces from a snapshot as fast as the client reads it. Resolves with its first piece, so
 * that what fails before it is still answered as a problem; a later failure breaks the transfer off.
 */
export const snapshotStream = (
  open: (fn: (snapshot: Snapshot) => Promise<void>) => Promise<void>,
  write: (snapshot: Snapshot) => AsyncIterable<string>,
): Promise<Readable> => {
  const body = new PassThrough({ highWaterMark: 262_144 });
  body.on("error", () => undefined); // whoever sends it reports it
  return new Promise((begun, failed) => {
    const fill = (snapshot: Snapshot) =>
      pipeline(async function* () {
        for await (const piece of write(snapshot)) {
          begun(body);
          yield piece;
        }
      }, body);
    open(fill).then(
      () => begun(body),
      (error: Error) => {
        failed(error);
        body.destroy(error);
      },
    );
  });
};
