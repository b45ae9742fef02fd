import { promises as fs } from "node:fs";
import { credentialsFile } from "./config-dir.ts";
import { readIfThere, writePrivate } from "./private-file.ts";

interface Bound {
  /** The API that these credentials are for; they are sent nowhere else. */
  readonly url: string;
}

/** A login: a pair of tokens, the access token good until `expiresAt` (milliseconds since 1970). */
export interface SessionCredentials extends Bound {
  readonly kind: "session";
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresAt: number;
  readonly mustChangePassword: boolean;
}

export interface TokenCredentials extends Bound {
  readonly kind: "token";
  readonly token: string;
}

export type Credentials = SessionCredentials | TokenCredentials;

const isCredentials = (value: unknown): value is Credentials => {
  if (typeof value !== "object" || value === null || !("url" in value) || !("kind" in value)) return false;
  if (value.kind === "token") return "token" in value && typeof value.token === "string";
  return (
    value.kind === "session" &&
    "accessToken" in value &&
    typeof value.accessToken === "string" &&
    "refreshToken" in value &&
    typeof value.refreshToken === "string" &&
    "expiresAt" in value &&
    typeof value.expiresAt === "number"
  );
};

/** A context's credentials; undefined where it has none, or they can't be understood (log in again). */
export const readCredentials = async (dir: string, context: string): Promise<Credentials | undefined> => {
  const text = await readIfThere(credentialsFile(dir, context));
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isCredentials(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

/** Stores credentials: mode 0600, whole or not at all. */
export const writeCredentials = (dir: string, context: string, credentials: Credentials): Promise<void> =>
  writePrivate(credentialsFile(dir, context), `${JSON.stringify(credentials)}\n`);

export const removeCredentials = (dir: string, context: string): Promise<void> =>
  fs.rm(credentialsFile(dir, context), { force: true });

/** What a login or a refresh answered, as it is stored. `now` in milliseconds. */
export const sessionOf = (
  url: string,
  answer: { accessToken: string; refreshToken: string; expiresIn: number; mustChangePassword: boolean },
  now = Date.now(),
): SessionCredentials => ({
  kind: "session",
  url,
  accessToken: answer.accessToken,
  refreshToken: answer.refreshToken,
  expiresAt: now + answer.expiresIn * 1000,
  mustChangePassword: answer.mustChangePassword,
});
