import { setTimeout as wait } from "node:timers/promises";
import { ContractError, errors, UnreachableError } from "@tenantctl/contract";

/** Waits between attempts, in milliseconds, less a random part so that several do not come back at once. */
const usualPauses = [500, 2000];
/** A server that asks for more than this is not waited for. */
const longestMs = 30_000;

/** The network, or an error of which the contract says that a retry can help. */
export const isTransient = (error: unknown): boolean =>
  error instanceof UnreachableError || (error instanceof ContractError && errors[error.code].retry);

export interface RetryOptions {
  readonly signal?: AbortSignal;
  /** Told before each wait. */
  readonly onRetry?: (error: unknown, attempt: number) => void;
  /** In place of two pauses; there is one attempt more. */
  readonly pauses?: readonly number[];
}

/** Tries up to three times, unless `pauses` says otherwise, as long as what went wrong is transient. `work` gets the number of the attempt, from 1. */
export const withRetries = async <T>(
  work: (attempt: number) => Promise<T>,
  { signal, onRetry, pauses = usualPauses }: RetryOptions = {},
): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work(attempt);
    } catch (error) {
      const pause = pauses[attempt - 1];
      const said = error instanceof ContractError || error instanceof UnreachableError ? error.retryAfter : undefined;
      const asked = (said ?? 0) * 1000;
      if (pause === undefined || !isTransient(error) || asked > longestMs || signal?.aborted) throw error;
      onRetry?.(error, attempt);
      await wait(Math.max(asked, pause * (0.5 + Math.random() / 2)), undefined, signal ? { signal } : {}).catch(() => {
        throw signal?.reason ?? error;
      });
    }
  }
};
