import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let underWay = 0;
let collect: (() => void) | undefined;

/** V8's own collector, which is asked for once what is there is known to be mostly of use. */
const collector = (): (() => void) => {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  return typeof gc === "function" ? () => void gc() : () => undefined;
};

/**
 * Has V8 collect sooner while a large stream is under way: each of its pieces is garbage as soon as it is sent, and V8 would let
 * some thirty megabytes of them gather. It costs a sixth more time, so only then. Call what it gives when the stream is over.
 */
export const beThrifty = (): (() => void) => {
  underWay += 1;
  if (underWay === 1) {
    setFlagsFromString("--optimize-for-size");
    // V8 reckons from what was in use at its last full collection, which may never have been.
    collect ??= collector();
    collect();
  }
  let over = false;
  return () => {
    if (over) return;
    over = true;
    underWay -= 1;
    if (underWay === 0) setFlagsFromString("--no-optimize-for-size");
  };
};
