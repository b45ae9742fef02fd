import { onInterrupt } from "../signals.ts";

/** The alternate screen, without a cursor and without wrapping: a line that is too long must not move the others. */
const enter = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const leave = "\u001b[?7h\u001b[?25h\u001b[?1049l";
/** Terminals that know it show what lies between at once. */
const [begin, end] = ["\u001b[?2026h", "\u001b[?2026l"];
const keys = { ctrlC: "\u0003", ctrlZ: "\u001a" };

export interface WatchTerminal {
  /** Columns and rows that lines may take. */
  room(): { columns: number; rows: number };
  /** Overwrites the screen with these lines, each cut to fit already. */
  show(lines: readonly string[]): void;
  /** Gives the terminal back as it was; may be called twice. */
  close(): void;
}

/** Takes the terminal over until closed, or until a signal ends the command. `redraw` is called when its size changes. */
export const openWatchTerminal = (redraw: () => void, quit: () => void): WatchTerminal => {
  const { stdin, stdout } = process;
  let open = false;
  const write = (text: string): void => void stdout.write(text);
  const raw = (on: boolean): void => {
    // Typed letters would be echoed over the screen.
    if (stdin.isTTY) stdin.setRawMode(on);
  };
  const take = (): void => {
    if (open) return;
    open = true;
    raw(true);
    write(enter);
  };
  const giveBack = (): void => {
    if (!open) return;
    open = false;
    raw(false);
    write(leave);
  };
  const resume = (): void => {
    take();
    redraw();
  };
  const onKey = (data: Buffer): void => {
    const text = data.toString("latin1");
    // What the terminal itself does outside of raw mode, to the whole foreground group.
    if (text.includes(keys.ctrlC)) process.kill(0, "SIGINT");
    else if (text.includes(keys.ctrlZ)) {
      giveBack();
      process.kill(0, "SIGTSTP");
    } else if (/q/i.test(text)) quit();
  };
  take();
  const takeBack = onInterrupt(giveBack);
  process.on("SIGCONT", resume);
  stdout.on("resize", redraw);
  if (stdin.isTTY) stdin.on("data", onKey);
  return {
    // The last column stays free: clearing to the end of a full line would take its last letter.
    room: () => ({ columns: Math.max(20, stdout.columns || 80) - 1, rows: Math.max(5, stdout.rows || 24) }),
    show: (lines) => {
      if (open) write(`${begin}\u001b[H${lines.map((line) => `${line}\u001b[K`).join("\r\n")}\u001b[J${end}`);
    },
    close: () => {
      takeBack();
      process.removeListener("SIGCONT", resume);
      stdout.removeListener("resize", redraw);
      stdin.removeListener("data", onKey);
      stdin.pause();
      giveBack();
    },
  };
};
