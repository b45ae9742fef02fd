import { DatabaseRefusal } from "./database-error.ts";

/** `url` with another user and password; a URL of a socket folder carries them as parameters. */
export function asUser(url: string, user: string, password: string): string {
  const derived = parseUrl(url);
  derived.searchParams.delete("user");
  derived.searchParams.delete("password");
  if (derived.hostname === "") {
    derived.searchParams.set("user", user);
    derived.searchParams.set("password", password);
  } else {
    derived.username = user;
    derived.password = password;
  }
  return derived.href;
}

/** Throws DatabaseRefusal unless `url` is a connection URL of PostgreSQL. */
export function requirePostgresUrl(url: string): void {
  parseUrl(url);
}

/** The user a connection URL names, or undefined. */
export function userOf(url: string): string | undefined {
  const parsed = parseUrl(url);
  return parsed.searchParams.get("user") ?? (parsed.username === "" ? undefined : decodeURIComponent(parsed.username));
}

/** The password a connection URL carries, or undefined. */
export function passwordOf(url: string): string | undefined {
  const parsed = parseUrl(url);
  return (
    parsed.searchParams.get("password") ?? (parsed.password === "" ? undefined : decodeURIComponent(parsed.password))
  );
}

function parseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !["postgres:", "postgresql:"].includes(parsed.protocol)) {
    throw new DatabaseRefusal(
      "database_url_invalid",
      "The database URL is not one of PostgreSQL.",
      "Write it as postgres://user:password@host:5432/database.",
    );
  }
  return parsed;
}
