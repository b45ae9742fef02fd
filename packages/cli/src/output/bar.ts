import type { SingleBar } from "cli-progress";
import type { Invocation } from "../invocation.ts";

/** Whether somebody watches stderr: a bar is for people, a log wants lines. */
export const isWatched = ({ env }: Invocation["settings"]): boolean =>
  process.stderr.isTTY === true && env.TERM !== "dumb" && !env.CI;

/** `label  ━━━━━━────  numbers`, in no more than `width` columns. */
export const barText = (label: string, share: number, numbers: string, width: number): string => {
  // One column stays free: a full line would wrap on some terminals.
  const room = Math.min(40, width - 1 - numbers.length - label.length - 4);
  if (room < 6) return `${label}  ${numbers}`.slice(0, width - 1);
  const full = Math.round(share * room);
  return `${label}  ${"━".repeat(full)}${"─".repeat(room - full)}  ${numbers}`;
};

/** How far it is: `value` of `total`, begun so many seconds ago. */
export interface BarState {
  readonly value: number;
  readonly total: number;
  readonly seconds: number;
}

/** Loads what draws bars. One draws `lineOf` on the stream anew as it changes, in the width that the terminal has at the time. */
export const loadBars = async (
  stream: NodeJS.WriteStream,
): Promise<(total: number, lineOf: (state: BarState, width: number) => string) => SingleBar> => {
  const { default: cliProgress } = await import("cli-progress");
  return (total, lineOf) => {
    const bar = new cliProgress.SingleBar({
      stream,
      clearOnComplete: true,
      hideCursor: null,
      linewrap: null,
      gracefulExit: false,
      forceRedraw: true,
      format: (_, { value, total: all, startTime }) =>
        lineOf({ value, total: all, seconds: (Date.now() - startTime) / 1000 }, stream.columns || 80),
    });
    bar.start(total, 0);
    return bar;
  };
};
