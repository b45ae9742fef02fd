import { setTimeout as wait } from "node:timers/promises";
import { usage } from "../cli-error.ts";
import type { Invocation } from "../invocation.ts";
import { cleanLine } from "../output/clean.ts";
import { cut } from "../output/cut.ts";
import { durationText } from "../output/duration.ts";
import { createPaint, type Paint } from "../output/paint.ts";
import { prepareWidths, textWidth } from "../output/text-width.ts";
import { exitOf, jsonOf, type Reading } from "./known.ts";
import { readStatus } from "./read-status.ts";
import { headline, screenOf } from "./screen.ts";
import { openWatchTerminal } from "./watch-terminal.ts";

/** An answer that takes longer is none: the screen must not show what is past as if it were so. */
const patienceMs = 5000;
const plain = createPaint(false);
const usualSeconds = 2;

/** Seconds between two looks, from `--watch` or `--watch=5`. */
export const intervalOf = (flag: unknown): number => {
  if (flag === true) return usualSeconds;
  const seconds = typeof flag === "string" && /^\d{1,5}$/.test(flag) ? Number(flag) : 0;
  if (seconds < 1 || seconds > 86_400) throw usage(`--watch takes seconds from 1 to 86400, not "${String(flag)}"`);
  return seconds;
};

const clock = (iso: string): string => `${iso.slice(0, 19).replace("T", " ")} UTC`;

/** What was seen last, and since when nothing answers. */
interface Seen {
  /** When the last answer, or its absence, was found; by a clock that does not jump. */
  readonly foundAt: number;
  readonly now: Reading;
  readonly last: Reading | undefined;
  readonly lastAt: string;
  /** By this machine's clock, for people; the duration is measured by one that does not jump. */
  readonly lost: { readonly at: string; readonly since: number } | undefined;
}

const next = (before: Seen | undefined, now: Reading): Seen => {
  const here = new Date().toISOString();
  if (now.kind !== "nothing")
    return {
      foundAt: performance.now(),
      now,
      last: now,
      lastAt: now.kind === "status" ? now.status.at : here,
      lost: undefined,
    };
  return {
    foundAt: performance.now(),
    now,
    last: before?.last,
    lastAt: before?.lastAt ?? here,
    lost: before?.lost ?? { at: here, since: performance.now() },
  };
};

const right = (left: string, note: string, columns: number, paint: Paint): string => {
  const gap = columns - textWidth(left) - note.length;
  return gap < 2 ? left : `${left}${" ".repeat(gap)}${paint.dim(note)}`;
};

/** The whole screen; while nothing answers, why and since when, above what was known last. */
export const watchScreen = (
  { foundAt, now, last, lastAt, lost }: Seen,
  url: string,
  seconds: number,
  paint: Paint,
  room: { columns: number; rows: number },
): string[] => {
  if (now.kind !== "nothing") {
    // An answer that is late is said to be, before it is given up.
    const late = Math.floor((performance.now() - foundAt) / 1000) - seconds;
    const note = late < 1 ? `${clock(lastAt)}, every ${seconds}s, q: quit` : `${clock(lastAt)}, no answer since`;
    const head = right(headline(now, paint), note, room.columns, paint);
    const why =
      now.kind === "health"
        ? [cut(cleanLine(`${now.why}${now.next === undefined ? "" : `: ${now.next}`}`), room.columns)]
        : [];
    const [first = "", ...rest] = screenOf(now, url, head, paint, { ...room, rows: room.rows - why.length });
    return [first, ...why, ...rest];
  }
  const since = lost === undefined ? "" : ` for ${durationText(Math.round((performance.now() - lost.since) / 1000))}`;
  const head = right(`${headline(now, paint)}${since}`, `since ${clock(lost?.at ?? lastAt)}`, room.columns, paint);
  const above = [head, cut(cleanLine(now.why), room.columns), cut(cleanLine(now.next), room.columns)];
  if (last === undefined) return above;
  const known = screenOf(last, url, `as of ${clock(lastAt)}: ${headline(last, plain)}`, plain, {
    columns: room.columns,
    rows: room.rows - above.length - 1,
  });
  return [...above, "", ...known.map((line) => paint.dim(line))];
};

/** A line for people who keep what was said: in a pipe, and on terminals that cannot draw. */
const lineOf = (seen: Seen): string => {
  const [worst] = seen.now.kind === "status" ? seen.now.status.needsAttention : [];
  const about =
    seen.now.kind === "nothing" || seen.now.kind === "health"
      ? `: ${seen.now.why}`
      : worst === undefined
        ? ""
        : `: ${worst.what} (${worst.next})`;
  const at = seen.now.kind === "nothing" ? new Date().toISOString() : seen.lastAt;
  return cleanLine(`${clock(at)}  ${headline(seen.now, plain)}${about}`);
};

/** Looks again and again until q, Ctrl-C or a signal; gives the exit code of what was seen last. */
export const watch = async ({ api: connect, out, settings, flags }: Invocation): Promise<number> => {
  const seconds = intervalOf(flags.watch);
  const json = settings.output === "jsonl";
  if (!json && settings.output !== "table")
    throw usage(
      `--watch goes on for ever, which ${settings.output} has no form for`,
      "Use -o jsonl: one object a line.",
    );
  const api = await connect();
  const { url } = api.target;
  const paint = await out.paint("stdout");
  await prepareWidths();
  const over = new AbortController();
  const quit = new Promise<undefined>((resolve) =>
    over.signal.addEventListener("abort", () => resolve(undefined), { once: true }),
  );
  let seen: Seen | undefined;
  const draws = out.forPeople && settings.env.TERM !== "dumb";
  const redraw = (): void => {
    if (seen !== undefined && terminal !== undefined)
      terminal.show(watchScreen(seen, url, seconds, paint, terminal.room()));
  };
  const terminal = draws ? openWatchTerminal(redraw, () => over.abort()) : undefined;
  const ticks = terminal === undefined ? undefined : setInterval(redraw, 1000);
  try {
    while (!over.signal.aborted) {
      const reading = await Promise.race([readStatus(api, patienceMs), quit]);
      if (reading === undefined) break;
      seen = next(seen, reading);
      if (terminal !== undefined) redraw();
      else if (json) await out.record(jsonOf(reading), { cells: [], properties: [] });
      else out.text(lineOf(seen));
      await wait(seconds * 1000, undefined, { signal: over.signal }).catch(() => undefined);
    }
  } finally {
    clearInterval(ticks);
    terminal?.close();
  }
  if (seen === undefined) return 0;
  out.text(lineOf(seen));
  return exitOf(seen.now);
};
