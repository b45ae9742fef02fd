import pg from "pg";
import { Client } from "./client.ts";

/** A connection that was used and heard nothing for so long makes the watch ask whether anybody is there. */
const quietMs = 3000;
/** How long PostgreSQL may take to answer that, on a connection of its own. */
const patienceMs = 4000;
const lookMs = 1000;

export interface SilenceWatch {
  /** True from when PostgreSQL was found not to answer until it answers again: who asks then need not wait. */
  readonly silent: boolean;
  /** Whether it was heard within so many milliseconds: by a connection in use, or because the watch asked. */
  heardWithin(ms: number): boolean;
  stop(): void;
}

/** Whether PostgreSQL answers at all; an answer that says no is one. */
const answers = async (url: string): Promise<boolean> => {
  const client = new Client({ connectionString: url, application_name: "tenantctl watch" });
  const tooLong = setTimeout(() => client.abandon(), patienceMs);
  try {
    await client.connect();
    await client.query("select 1");
    return true;
  } catch (error) {
    return error instanceof pg.DatabaseError;
  } finally {
    clearTimeout(tooLong);
    void client.end().catch(() => undefined);
  }
};

/**
 * Notices a PostgreSQL that hangs, or a network that swallows everything: it has no timeout of its own to tell, and its
 * sockets stay open. Connections in use that hear nothing are given up only when a fresh one is not answered either, so a
 * statement that takes long is left alone.
 */
export const watchSilence = (url: string, borrowed: ReadonlySet<Client>): SilenceWatch => {
  let silent = false;
  let asking = false;
  let nextAt = 0;
  let answeredAt = Number.NEGATIVE_INFINITY;

  const quiet = (now: number): Client[] =>
    [...borrowed].filter(({ sentAt, heardAt }) => now - Math.max(sentAt, heardAt) > quietMs);

  const look = async (): Promise<void> => {
    const now = performance.now();
    if (asking || now < nextAt || (!silent && quiet(now).length === 0)) return;
    asking = true;
    const answered = await answers(url);
    const later = performance.now();
    if (answered) answeredAt = later;
    // Whoever was answered meanwhile shows that somebody is there.
    const nobody = !answered && ![...borrowed].some(({ heardAt }) => heardAt > now);
    const dumb = quiet(later);
    silent = nobody && (silent || dumb.length > 0);
    if (silent) for (const client of dumb) client.abandon();
    nextAt = silent ? 0 : later + quietMs;
    asking = false;
  };

  const timer = setInterval(() => void look(), lookMs);
  timer.unref();
  return {
    get silent() {
      return silent;
    },
    heardWithin: (ms) => {
      const since = performance.now() - ms;
      return answeredAt > since || [...borrowed].some(({ heardAt }) => heardAt > since);
    },
    stop: () => clearInterval(timer),
  };
};
