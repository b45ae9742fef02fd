import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const lookEveryMs = 1000;
const quietMs = 3000;

const collect = (): void => {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  if (typeof gc === "function") gc();
};

/**
 * To be called while a flood lasts: V8 would let two or three times as much garbage gather as is in use, and keep that memory
 * until there is work again. So it collects sooner, and once more when nothing was said for three seconds.
 */
export const createLeanHeap = (): (() => void) => {
  let saidAt = 0;
  let look: NodeJS.Timeout | undefined;
  const end = (): void => {
    if (performance.now() < saidAt + quietMs) return;
    clearInterval(look);
    look = undefined;
    setFlagsFromString("--heap-growing-percent=0");
    collect();
  };
  return () => {
    saidAt = performance.now();
    if (look !== undefined) return;
    setFlagsFromString("--heap-growing-percent=50");
    look = setInterval(end, lookEveryMs).unref();
  };
};
