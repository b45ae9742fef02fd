import { type LookupAddress, lookup } from "node:dns";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { type BlockList, isIP, type LookupFunction } from "node:net";
import { version } from "@tenantctl/contract";
import { addressFault } from "./address-rules.ts";
import { retryAfterSeconds } from "./back-off.ts";
import type { Claimed } from "./claim.ts";
import { answerFault, SendError, type SendFault, sendFault } from "./send-fault.ts";
import { signedHeaders } from "./signed-headers.ts";
import { bareHost } from "./webhook-url.ts";

export interface Sent {
  /** Of the answer; null where there was none. */
  readonly status: number | null;
  /** undefined: it was taken. */
  readonly fault: SendFault | undefined;
  /** What the receiver asked for, in seconds. */
  readonly retryAfter: number | undefined;
  readonly durationMs: number;
}

/** Milliseconds for all of it: name, connection, TLS, request, the answer's headers. */
export const totalMs = 15_000;
/** What is read of an answer's body, and thrown away, so that the receiver can end in peace. */
const mostBytes = 4096;
const bodyMs = 1000;
/** Milliseconds for each of a host's addresses; Node's quarter of a second is short across an ocean. */
const perAddressMs = 4000;

const refusal = (fault: string): SendError =>
  new SendError(
    `nothing is sent there: ${fault}`,
    "Use an https URL on the internet, or allow the network to the API: TENANTCTL_WEBHOOK_ALLOW=<network>.",
  );

/** Gives the connection only addresses that may be reached: what is checked here is what is connected to. */
const guardedLookup =
  (secure: boolean, allowed: BlockList): LookupFunction =>
  (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error !== null) return done(error, "");
      for (const { address } of addresses) {
        const fault = addressFault(address, secure, allowed);
        if (fault !== undefined) return done(refusal(fault), "");
      }
      const [first] = addresses;
      if (first === undefined) return done(refusal("its name has no address"), "");
      return options.all === true ? done(null, addresses) : done(null, first.address, first.family);
    });
  };

/** Reads a little of the body; what more there is, or comes too late, is cut off. */
const drain = (answer: IncomingMessage): Promise<void> =>
  new Promise((resolve) => {
    let bytes = 0;
    const end = (): void => {
      clearTimeout(timer);
      answer.destroy();
      resolve();
    };
    const timer = setTimeout(end, bodyMs);
    answer.on("error", end).on("close", end).on("end", end);
    answer.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > mostBytes) end();
    });
  });

const exchange = (url: URL, claimed: Claimed, allowed: BlockList, signal: AbortSignal): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const { body } = claimed;
    const secure = url.protocol === "https:";
    const host = bareHost(url);
    // An address is not looked up; the URL's parser has made decimal and hexadecimal ones plain.
    const fault = isIP(host) === 0 ? undefined : addressFault(host, secure, allowed);
    if (fault !== undefined) throw refusal(fault);
    const connection = {
      keepAlive: false,
      lookup: guardedLookup(secure, allowed),
      autoSelectFamilyAttemptTimeout: perAddressMs,
    };
    const options = {
      method: "POST",
      // An agent of its own: no proxy, no connection that was checked for something else.
      agent: secure ? new HttpsAgent(connection) : new HttpAgent(connection),
      headers: {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        "user-agent": `tenantctl/${version}`,
        ...signedHeaders(claimed),
      },
      signal,
    };
    const outgoing = secure ? httpsRequest(url, options, resolve) : httpRequest(url, options, resolve);
    outgoing.on("error", reject);
    outgoing.end(body);
  });

/** Sends one signed POST, follows nothing, and tells what became of it within 16 seconds. Never rejects. */
export const sendWebhook = async (claimed: Claimed, allowed: BlockList, stop: AbortSignal): Promise<Sent> => {
  const began = performance.now();
  const ended = (): number => Math.round(performance.now() - began);
  const ending = new AbortController();
  const end = (): void => ending.abort();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    end();
  }, totalMs);
  // Not AbortSignal.any: a signal that lives as long as the server would remember each of them.
  stop.addEventListener("abort", end);
  if (stop.aborted) end();
  try {
    const url = new URL(claimed.url);
    const answer = await exchange(url, claimed, allowed, ending.signal);
    const durationMs = ended();
    const status = answer.statusCode ?? 0;
    await drain(answer);
    return {
      status,
      fault: answerFault(status, answer.headers.location, url),
      retryAfter: retryAfterSeconds(answer.headers["retry-after"]),
      durationMs,
    };
  } catch (error) {
    const fault = late
      ? new SendError(
          `no answer within ${totalMs / 1000} s`,
          "See why the receiver is slow; it should answer first and work later.",
        )
      : stop.aborted
        ? new SendError("this server stopped before there was an answer", "It is tried again by itself.")
        : sendFault(error);
    return { status: null, fault, retryAfter: undefined, durationMs: ended() };
  } finally {
    clearTimeout(timer);
    stop.removeEventListener("abort", end);
  }
};
