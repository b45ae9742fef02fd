/**
 * Leaving in order. A signal ends the command at once (130, 143), but not in the middle of a step that must not be cut
 * in two, such as storing the refresh token that has just replaced the old one.
 */
const exitBySignal = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 } as const;
type EndingSignal = keyof typeof exitBySignal;

const cleanups = new Set<() => void>();
const farewells = new Set<(exit: number) => Promise<unknown>>();
const shielded = new Set<Promise<unknown>>();
let handler: ((signal: EndingSignal) => void) | undefined;

/** Runs when a signal ends the command: remove a half-written file, say. Synchronous. Returns how to take it back. */
export const onInterrupt = (cleanup: () => void): (() => void) => {
  cleanups.add(cleanup);
  return () => cleanups.delete(cleanup);
};

/**
 * Runs when a signal ends the command, before what `onInterrupt` cleans up, and has 3 s: give back what another machine
 * holds for it. Gets the exit code; what it throws is lost. Returns how to take it back.
 */
export const onFarewell = (farewell: (exit: number) => Promise<unknown>): (() => void) => {
  farewells.add(farewell);
  return () => farewells.delete(farewell);
};

/** Work that a signal lets finish first, 5 s at the most. */
export const shield = async <T>(work: () => Promise<T>): Promise<T> => {
  const promise = work();
  shielded.add(promise);
  try {
    return await promise;
  } finally {
    shielded.delete(promise);
  }
};

const leave = async (signal: EndingSignal): Promise<void> => {
  const grace = new Promise((resolve) => setTimeout(resolve, 5000));
  await Promise.race([Promise.allSettled(shielded), grace]);
  const patience = new Promise((resolve) => setTimeout(resolve, 3000));
  const said = [...farewells].map((farewell) => farewell(exitBySignal[signal]));
  await Promise.race([Promise.allSettled(said), patience]);
  for (const cleanup of cleanups)
    try {
      cleanup();
    } catch {
      // The others have something to remove too.
    }
  // Node crashes where it leaves a terminal in order that was closed; the signal itself does not ask for that.
  if (signal === "SIGHUP" && [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY))
    process.kill(process.pid, signal);
  else process.exit(exitBySignal[signal]);
};

/** Signals end the command from here on. */
export const listenForSignals = (): void => {
  handler = (signal) => void leave(signal);
  for (const signal of Object.keys(exitBySignal)) process.once(signal, handler);
};

/** For commands that stop in an order of their own (a server): signals are theirs from here on. */
export const handOverSignals = (): void => {
  if (handler === undefined) return;
  for (const signal of Object.keys(exitBySignal)) process.removeListener(signal, handler);
};
