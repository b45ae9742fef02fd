import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { ContractError, withoutStack } from "@tenantctl/contract";
import argon2 from "argon2";
import pLimit from "p-limit";
import type { Settings } from "../settings.ts";

/** argon2id at 19 MiB, two passes, one lane. */
const cost = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Compared where there is no account, so that this takes as long as a wrong password; nothing hashes to it. */
const nobodysHash = (() => {
  const part = (bytes: number): string => randomBytes(bytes).toString("base64").replaceAll("=", "");
  return `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}$${part(16)}$${part(32)}`;
})();

const longest = 128;

/** How many wait for each that is being hashed; at 50 to 100 ms each the last one waits two or three seconds. */
const queuePerLane = 32;

/** The account that a password is for. */
export interface PasswordOwner {
  readonly email?: string | undefined;
  readonly name?: string | undefined;
  readonly slug?: string | undefined;
}

export interface Passwords {
  /** Hashes a password that `check` let pass. Throws overloaded. */
  hash(password: string): Promise<string>;
  /** Runs a login, whole, when those that came before it are done, unless its caller has left by then. Throws overloaded. */
  login<T>(caller: { readonly destroyed: boolean }, work: () => Promise<T>): Promise<T>;
  /** Whether the password is the hash's; takes as long for null, which no password matches. Throws overloaded. */
  verify(hash: string | null, password: string): Promise<boolean>;
  /** Throws weak_password, saying what is wrong. */
  check(password: string, owner: PasswordOwner): void;
  /** True for a hash made with weaker parameters than today's. */
  needsRehash(hash: string): boolean;
}

/** One written form for a password, however a keyboard composes its characters. */
const composed = (password: string): string => password.normalize("NFC");

const plain = (text: string): string => composed(text).trim().toLowerCase();

const weak = (detail: string): ContractError =>
  new ContractError("weak_password", detail, "Choose another one; a few unrelated words make a good one.");

/** Throws weak_password unless the password has `minLength` to 128 characters and is not its owner's e-mail, name or slug. */
export const checkPassword = (password: string, minLength: number, owner: PasswordOwner): void => {
  const { length } = [...composed(password)];
  if (length < minLength) throw weak(`The password has ${length} characters; at least ${minLength} are needed.`);
  if (length > longest) throw weak(`The password has ${length} characters; at most ${longest} are taken.`);
  for (const [what, value] of Object.entries({ "e-mail": owner.email, name: owner.name, slug: owner.slug })) {
    if (value !== undefined && plain(value) === plain(password)) throw weak(`The password is the account's ${what}.`);
  }
};

/** Hashes without waiting for anybody: for commands that hash one password and end. */
export const hashPassword = (password: string): Promise<string> => argon2.hash(composed(password), cost);

const overloaded = (detail: string): ContractError =>
  withoutStack(() => new ContractError("overloaded", detail, "Try again in a few seconds.", { retryAfter: 2 }));

/** At most so many at once, and a queue with an end: what comes on top throws overloaded before it has cost anything. */
const createLane = (atOnce: number) => {
  const limit = pLimit(atOnce);
  return <T>(work: () => Promise<T>): Promise<T> => {
    if (limit.pendingCount >= atOnce * queuePerLane) {
      throw overloaded("More logins are under way than this server can check.");
    }
    return limit(work);
  };
};

/** Times that a hash took. */
const mostRest = 2;

/** A lane that is not taken again for as long as the work took where the event loop was half busy, for less or more where it was so. */
const createRestingLane = (atOnce: number) => {
  const lane = createLane(atOnce);
  return <T>(work: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      lane(async () => {
        const began = { at: performance.now(), loop: performance.eventLoopUtilization() };
        await work().then(resolve, reject);
        const { utilization } = performance.eventLoopUtilization(began.loop);
        await pause((performance.now() - began.at) * Math.min(mostRest, utilization / (1 - utilization)));
      }).catch(reject);
    });
};

/**
 * Hashes on at most half the cores, and on a sixth while the API has much else to do, with a bounded queue: a storm of
 * logins must not starve the rest.
 */
export const createPasswords = ({ passwordMinLength }: Pick<Settings, "passwordMinLength">): Passwords => {
  const atOnce = Math.max(1, Math.floor(availableParallelism() / 2));
  const logins = createLane(atOnce);
  const hashes = createRestingLane(atOnce);

  return {
    login: async (caller, work) =>
      logins(() => {
        if (caller.destroyed) throw overloaded("The caller left while other logins were under way.");
        return work();
      }),
    hash: async (password) => hashes(() => hashPassword(password)),
    verify: async (hash, password) =>
      hashes(async () => {
        const matches = await argon2.verify(hash ?? nobodysHash, composed(password));
        return matches && hash !== null;
      }),
    check: (password, owner) => checkPassword(password, passwordMinLength, owner),
    needsRehash: (hash) => argon2.needsRehash(hash, cost),
  };
};
