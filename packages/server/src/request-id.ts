import { randomFillSync } from "node:crypto";
import { v7 as uuidv7 } from "uuid";

const idBytes = 16;
const memory = Buffer.allocUnsafeSlow(256 * idBytes);
let used = memory.length;

/** A request's id, a UUIDv7. The randomness of many is drawn at once: one draw takes longer than all else of an id. */
export const newRequestId = (): string => {
  if (used === memory.length) {
    randomFillSync(memory);
    used = 0;
  }
  const random = memory.subarray(used, used + idBytes);
  used += idBytes;
  return uuidv7({ random });
};
