import { setMaxListeners } from "node:events";
import type { BlockList } from "node:net";
import type { Database } from "@tenantctl/database";
import type { FastifyBaseLogger } from "fastify";
import { v7 as uuidv7 } from "uuid";
import type { Settings } from "../settings.ts";
import { networks } from "./address-rules.ts";
import { type Claimed, claimDue, nextDue } from "./claim.ts";
import { recordAttempt } from "./record-attempt.ts";
import { type Sent, sendWebhook } from "./send-webhook.ts";

/** Sends what is due, with others: which process sends what is settled in the database. */
export interface Deliverer {
  /** Addresses beside the internet that may be reached. */
  readonly allowed: BlockList;
  /** Sends what is due; resolves once nothing is. Never rejects: what can't be sent or written now is due again later. */
  run(): Promise<void>;
  /** Sends one that was claimed, and writes down what became of it. */
  send(claimed: Claimed): Promise<Sent>;
  /** Takes nothing more; what is under way gets `seconds` to end, and is due again otherwise. */
  close(seconds: number): Promise<void>;
}

/** Tries under way at once in one process. */
const atOnce = 16;
/** The task runs each minute; what is due sooner is waited for here. */
const waitedForSeconds = 60;

export const createDeliverer = (db: Database, settings: Settings, log: FastifyBaseLogger): Deliverer => {
  const allowed = networks(settings.webhookAllow ?? []);
  const stop = new AbortController();
  setMaxListeners(atOnce, stop.signal);
  let closing = false;
  let current: Promise<void> | undefined;
  let again = false;
  let wake = (): void => undefined;
  let timer: NodeJS.Timeout | undefined;
  const underWay = new Set<Promise<unknown>>();

  const attempt = async (claimed: Claimed): Promise<Sent> => {
    const sent = await sendWebhook(claimed, allowed, stop.signal);
    const { status, fault, durationMs } = sent;
    const { id, host, event, attempts } = claimed;
    log.info({ delivery: id, event, host, attempts, status, ms: durationMs, error: fault?.error }, "webhook");
    await recordAttempt(db.operator(), claimed, sent);
    return sent;
  };

  const track = <T>(work: Promise<T>): Promise<T> => {
    const ended = (): void => {
      underWay.delete(tracked);
      again = true;
      wake();
    };
    const tracked = work.then(ended, ended);
    underWay.add(tracked);
    return work;
  };

  const claim = (): Promise<readonly Claimed[]> =>
    closing || underWay.size >= atOnce
      ? Promise.resolve([])
      : db.operator().run(claimDue(uuidv7(), atOnce - underWay.size));

  const drain = async (): Promise<void> => {
    for (;;) {
      again = false;
      const claimed = await claim();
      for (const one of claimed) {
        track(attempt(one)).catch((err) => log.warn({ err, delivery: one.id }, "a delivery's outcome was not written"));
      }
      if (closing || (claimed.length === 0 && underWay.size === 0 && !again)) {
        // From here on a call starts anew.
        current = undefined;
        return;
      }
      // Woken by whoever ends, which makes room, and by calls: a page does not wait for others that hang.
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (!again && (claimed.length === 0 || underWay.size >= atOnce)) await woken;
    }
  };

  const waitForNext = async (): Promise<void> => {
    if (closing || !settings.jobs) return;
    // Where this fails, the task's next minute comes all the same.
    const [next] = await db
      .operator()
      .run(nextDue(waitedForSeconds))
      .catch(() => []);
    if (next === undefined || closing) return;
    clearTimeout(timer);
    timer = setTimeout(() => void run(), next.ms + 1);
    timer.unref();
  };

  const work = async (): Promise<void> => {
    try {
      await drain();
    } catch (err) {
      current = undefined;
      if (!closing) log.warn({ err }, "deliveries stopped, will be tried again within a minute");
    }
    await waitForNext();
  };

  const run = (): Promise<void> => {
    again = true;
    wake();
    current ??= work();
    return current;
  };

  return {
    allowed,
    run,
    send: (claimed) => track(attempt(claimed)),
    close: async (seconds) => {
      closing = true;
      clearTimeout(timer);
      wake();
      const late = setTimeout(() => stop.abort(), seconds * 1000);
      await Promise.allSettled([current, ...underWay]);
      clearTimeout(late);
    },
  };
};
