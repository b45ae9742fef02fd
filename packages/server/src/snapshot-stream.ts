import { PassThrough, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Snapshot } from "@tenantctl/database";

/**
 * A response body of the pieces that `produce` fills it with, as fast as the client reads them. Resolves with the first
 * piece, so that what fails before it is still answered as a problem; a later failure breaks the transfer off.
 */
export const pieceStream = (
  produce: (fill: (pieces: AsyncIterable<string>) => Promise<void>) => Promise<void>,
): Promise<Readable> => {
  const body = new PassThrough({ highWaterMark: 262_144 });
  body.on("error", () => undefined); // whoever sends it reports it
  return new Promise((begun, failed) => {
    const fill = (pieces: AsyncIterable<string>) =>
      pipeline(async function* () {
        for await (const piece of pieces) {
          begun(body);
          yield piece;
        }
      }, body);
    produce(fill).then(
      () => begun(body),
      (error: Error) => {
        failed(error);
        body.destroy(error);
      },
    );
  });
};

/** Likewise of what `write` makes of a snapshot. */
export const snapshotStream = (
  open: (fn: (snapshot: Snapshot) => Promise<void>) => Promise<void>,
  write: (snapshot: Snapshot) => AsyncIterable<string>,
): Promise<Readable> => pieceStream((fill) => open((snapshot) => fill(write(snapshot))));
