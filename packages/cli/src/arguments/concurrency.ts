import { usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";

const mostAtOnce = 32;

/** How many tenants at once: `--concurrency`, 1 to 32, 4 unless given. Throws a usage error. */
export const concurrencyOf = (flags: Invocation["flags"]): number => {
  const text = textFlag(flags, "concurrency") ?? "4";
  const number = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > mostAtOnce)
    throw usage(`--concurrency takes a number from 1 to ${mostAtOnce}, not "${text}"`);
  return number;
};
