import { Agent, get } from "node:http";
import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import type { LoadUser } from "./users.ts";

/** One request of a reader: when it left, on the clock of `performance.now`, and how it was answered. */
export interface SentRequest {
  readonly slug: string;
  readonly sentAt: number;
  readonly status: number;
}

export interface Reading {
  /** Until every user has read once. */
  roundOver(): Promise<void>;
  /** Stops when so many milliseconds are over; all that was sent and answered. */
  stopAfter(milliseconds: number): Promise<readonly SentRequest[]>;
}

/** Reads as all the users in turn, over so many connections, from this very process: its clock says what left after what. */
export const readAll = (url: string, users: readonly LoadUser[], connections: number): Reading => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const sent: SentRequest[] = [];
  let next = 0;
  let stopping = false;
  const ask = ({ slug, token }: LoadUser): Promise<void> =>
    new Promise((resolve, reject) => {
      const sentAt = performance.now();
      const headers = { authorization: `Bearer ${token}` };
      get(new URL("/api/customers?limit=5", url), { agent, headers }, (response) => {
        response.resume().once("error", reject);
        response.once("end", () => {
          sent.push({ slug, sentAt, status: response.statusCode ?? 0 });
          resolve();
        });
      }).once("error", reject);
    });
  const lane = async (): Promise<void> => {
    while (!stopping) {
      const user = users[next++ % users.length];
      if (user !== undefined) await ask(user);
    }
  };
  const lanes = Promise.all(Array.from({ length: connections }, lane));
  lanes.catch(() => undefined); // told to whoever stops it
  return {
    roundOver: async () => {
      const end = next + users.length;
      while (next < end) await Promise.race([setTimeout(20), lanes]);
      if (!sent.some(({ status }) => status === 200)) throw new Error("nobody was served while they still should be");
    },
    stopAfter: async (milliseconds) => {
      await Promise.race([setTimeout(milliseconds), lanes]);
      stopping = true;
      await lanes;
      agent.destroy();
      return sent;
    },
  };
};
