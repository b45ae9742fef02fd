import { ContractError, UnreachableError } from "@tenantctl/contract";

export interface ReadOptions {
  /** For messages: `the export of acme`. */
  readonly what: string;
  /** Milliseconds without a byte after which the transfer is given up. */
  readonly stallMs: number;
  /** Breaks the transfer off with its reason. */
  readonly signal?: AbortSignal;
}

const stalled = (what: string, stallMs: number): ContractError =>
  new ContractError(
    "timeout",
    `${what}: no byte came for ${stallMs / 1000} s`,
    "Look at the API's log; --stall-timeout changes how long to wait.",
  );

/** The innermost reason: fetch wraps what the socket said. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message || error.name;
};

/**
 * Opens a response and hands its body over piece by piece. Time that `each` takes does not count as a stall. Throws
 * what `open` and `each` throw, a `timeout` when nothing comes, an UnreachableError when the transfer breaks.
 */
export const readBody = async (
  open: (signal: AbortSignal) => Promise<Response>,
  { what, stallMs, signal }: ReadOptions,
  each: (chunk: Uint8Array) => Promise<void> | void,
): Promise<void> => {
  const stop = new AbortController();
  const passOn = (): void => stop.abort(signal?.reason);
  if (signal?.aborted) passOn();
  signal?.addEventListener("abort", passOn, { once: true });
  const timed = async <T>(step: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => stop.abort(stalled(what, stallMs)), stallMs);
    try {
      return await step;
    } finally {
      clearTimeout(timer);
    }
  };
  try {
    const response = await timed(open(stop.signal));
    const reader = response.body?.getReader();
    if (reader === undefined) return;
    // Cancelled directly as well: then it ends whatever became of the signal on its way through fetch.
    const cancel = (): void => void reader.cancel(stop.signal.reason).catch(() => undefined);
    stop.signal.addEventListener("abort", cancel, { once: true });
    try {
      for (;;) {
        const { done, value } = await timed(reader.read()).catch((cause: unknown) => {
          if (stop.signal.aborted) throw stop.signal.reason;
          throw new UnreachableError(
            `${what} was broken off: ${reasonOf(cause)}`,
            "Run it again; if it repeats, look at the API's log.",
            cause,
          );
        });
        if (stop.signal.aborted) throw stop.signal.reason;
        if (done) return;
        await each(value);
      }
    } finally {
      stop.signal.removeEventListener("abort", cancel);
      // Nothing is read any more, whatever the reason; the connection must not wait for a reader.
      cancel();
    }
  } finally {
    signal?.removeEventListener("abort", passOn);
  }
};
