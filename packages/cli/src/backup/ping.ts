import { usage } from "../cli-error.ts";
import { onFarewell } from "../signals.ts";

/** Tells a monitor that a run began, and how it ended. */
export interface Ping {
  start(): Promise<void>;
  /** The exit code; 0 is good. */
  end(exit: number): Promise<void>;
}

const patienceMs = 10_000;

const checked = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw usage(`--ping-url is not an http or https address: "${text}"`, "For instance https://hc-ping.com/<id>.");
  return url;
};

/** Calls `<url>/start` and `<url>/<exit code>`. That it cannot be reached is said, and changes nothing else. */
export const createPing = (text: string | undefined, note: (line: string) => void): Ping => {
  if (text === undefined) return { start: async () => {}, end: async () => {} };
  const base = checked(text);
  const call = async (word: string): Promise<void> => {
    const url = new URL(base);
    url.pathname = `${url.pathname.replace(/\/$/, "")}/${word}`;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(patienceMs) });
      await response.body?.cancel();
      if (!response.ok) note(`the ping to ${url.host} was answered with ${response.status}`);
    } catch (cause) {
      const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
      note(`the ping to ${url.host} failed: ${reason instanceof Error ? reason.message || reason.name : reason}`);
    }
  };
  const takeBack = onFarewell((exit) => call(String(exit)));
  return {
    start: () => call("start"),
    end: (exit) => {
      takeBack();
      return call(String(exit));
    },
  };
};
