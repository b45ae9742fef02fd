import { durationMs } from "../arguments/field-value.ts";
import { usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";

const defaultMs = 60_000;
const longestMs = 86_400_000;

export const stallTimeoutFlag = {
  flags: "--stall-timeout <duration>",
  help: "Give a transfer up when no byte comes for so long, such as 90s or 5m (60s unless said)",
};

/** `--stall-timeout` in milliseconds; a plain number is seconds. */
export const stallTimeoutMs = ({ flags }: Pick<Invocation, "flags">): number => {
  const text = textFlag(flags, "stallTimeout");
  if (text === undefined) return defaultMs;
  const ms = durationMs(/^\d+$/.test(text) ? `${text}s` : text);
  if (ms === undefined || ms < 1000 || ms > longestMs)
    throw usage(`--stall-timeout takes a duration from 1s to 24h, not "${text}"`, "For instance: --stall-timeout 90s");
  return ms;
};
