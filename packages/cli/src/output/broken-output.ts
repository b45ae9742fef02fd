let needsNoReader = false;
let cutShort = false;

/** For commands whose work matters more than the telling of it: they go to their end though nobody reads stdout any more. */
export const goOnUnread = (): void => {
  needsNoReader = true;
};

/** The exit code of a command that would have ended with this one: nobody must take half an output for whole. */
export const exitOfOutput = (exit: number): number => (cutShort && exit === 0 ? 1 : exit);

/** What becomes of a command whose output cannot be written any more. */
export const listenForBrokenOutput = (): void => {
  // Talk that nobody hears, or for which the log's disk has no room, ends nothing: the exit code says how it went.
  process.stderr.on("error", () => undefined);
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") {
      // `tenantctl list | head`: the reader has what it wanted.
      if (!needsNoReader) process.exit(0);
      return;
    }
    // A full disk, say: what was printed is not whole. stderr may still work.
    if (!cutShort) process.stderr.write(`error: standard output cannot be written: ${error.message}\n`);
    cutShort = true;
    if (!needsNoReader) process.exit(1);
  });
};
