import { CliError } from "../cli-error.ts";
import { handOverSignals } from "../signals.ts";
import { onLauncherGone } from "./launcher.ts";
import type { RunningServer, RunOptions } from "./run-server.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs the server until a signal, a killed launcher or the end of its database. A signal that comes while it starts or
 * stops is remembered, never doubled: npx and pnpm pass on the Ctrl-C that the terminal has sent already.
 */
export const serveUntilSignal = async (
  start: (onDatabaseEnd: RunOptions["onDatabaseEnd"]) => Promise<RunningServer>,
  started: (server: RunningServer) => void,
  log: (line: string) => void,
): Promise<number> => {
  handOverSignals();
  // A command whose output cannot be written fails; a server goes on serving.
  for (const stream of [process.stdout, process.stderr])
    stream.removeAllListeners("error").on("error", () => undefined);
  let end: (why: { reason: string; exit: number }) => void = () => undefined;
  const ended = new Promise<{ reason: string; exit: number }>((resolve) => {
    end = resolve;
  });
  const onSignal = (signal: NodeJS.Signals): void => end({ reason: signal === "SIGINT" ? "Ctrl-C" : signal, exit: 0 });
  for (const signal of signals) process.on(signal, onSignal);
  const unwatch = onLauncherGone((what) => end({ reason: `${what} has ended`, exit: 0 }));
  try {
    const server = await start((reason) => end({ reason, exit: 9 }));
    started(server);
    const { reason, exit } = await ended;
    log(exit === 0 ? `stopping (${reason})` : reason);
    await server.stop();
    if (exit !== 0)
      throw new CliError(
        "database_ended",
        exit,
        reason,
        "Start again: the data is kept, and what was under way is rolled back.",
      );
    log("stopped");
    return exit;
  } finally {
    unwatch();
    for (const signal of signals) process.removeListener(signal, onSignal);
  }
};
