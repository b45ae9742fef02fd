import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { defaultPurgeDays } from "@tenantctl/contract";
import { networks } from "./deliveries/address-rules.ts";

/** One setting: where it comes from, how its text becomes a value, and what it is for. */
interface Setting<T> {
  readonly env: string;
  readonly about: string;
  /** A secret can also be given as `<NAME>_FILE`, and is never a flag. */
  readonly secret?: boolean;
  /** Turns the text into a value or throws an Error that says what is expected. */
  readonly parse: (text: string) => T;
  readonly fallback: T;
}

const setting = <T>(shape: Setting<T>): Setting<T> => shape;
const text = (value: string): string => value;

const wholeNumber =
  (minimum: number, maximum: number) =>
  (value: string): number => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < minimum || number > maximum) {
      throw new Error(`a whole number from ${minimum} to ${maximum}`);
    }
    return number;
  };

const flag = (value: string): boolean => {
  if (/^(1|true|on|yes)$/i.test(value)) return true;
  if (/^(0|false|off|no)$/i.test(value)) return false;
  throw new Error("true or false");
};

const oneOf =
  <const V extends readonly string[]>(...values: V) =>
  (value: string): V[number] => {
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) throw new Error(`one of ${values.join(", ")}`);
    return found;
  };

const postgresUrl = (value: string): string => {
  if (!/^postgres(ql)?:\/\//.test(value) || !URL.canParse(value)) throw new Error("a postgresql:// URL");
  return value;
};

const redisUrl = (value: string): string => {
  if (!/^rediss?:\/\//.test(value) || !URL.canParse(value)) throw new Error("a redis:// or rediss:// URL");
  return value;
};

/** 32 characters at least: an HS256 key shorter than its hash can be guessed offline. */
const jwtSecrets = (value: string): readonly string[] => {
  const secrets = value.split(",").map((part) => part.trim());
  if (secrets.length > 2 || secrets.some((secret) => secret.length < 32)) {
    throw new Error("a secret of at least 32 characters, or `new,old` during a rotation");
  }
  return secrets;
};

/** Old keys stay as long as rows that they sealed are kept. */
const sealingKeys = (value: string): readonly string[] => {
  const keys = value.split(",").map((part) => part.trim());
  if (keys.length > 20 || keys.some((key) => key.length < 32)) {
    throw new Error("a secret of at least 32 characters, or `new,old` with up to 19 old ones");
  }
  return keys;
};

const optional = undefined as string | undefined;

/** Every setting of the server. Flag > environment > file > default; README and `serve --help` are made from it. */
export const settings = {
  port: setting({ env: "PORT", about: "port of the API", parse: wholeNumber(0, 65_535), fallback: 5000 }),
  host: setting({ env: "HOST", about: "address that the API listens on", parse: text, fallback: "127.0.0.1" }),
  databaseUrl: setting({
    env: "DATABASE_URL",
    about: "PostgreSQL 15 to 18: a user who owns the database and may create roles",
    secret: true,
    parse: postgresUrl,
    fallback: optional,
  }),
  tenantDatabaseUrl: setting({
    env: "TENANTCTL_TENANT_DATABASE_URL",
    about: "connection of the tenant role, where its password is managed elsewhere",
    secret: true,
    parse: postgresUrl,
    fallback: optional,
  }),
  operatorDatabaseUrl: setting({
    env: "TENANTCTL_OPERATOR_DATABASE_URL",
    about: "connection of the operator role, likewise",
    secret: true,
    parse: postgresUrl,
    fallback: optional,
  }),
  jobsDatabaseUrl: setting({
    env: "TENANTCTL_JOBS_DATABASE_URL",
    about: "direct connection of the jobs role (not through a transaction pooler)",
    secret: true,
    parse: postgresUrl,
    fallback: optional,
  }),
  redisUrl: setting({
    env: "REDIS_URL",
    about:
      "redis:// or rediss:// (TLS) address by which processes share their rate limits; else each counts for itself",
    secret: true,
    parse: redisUrl,
    fallback: optional,
  }),
  rolePrefix: setting({
    env: "TENANTCTL_ROLE_PREFIX",
    about: "prefix of the four database roles; they belong to the whole cluster",
    parse: (value) => {
      if (!/^[a-z][a-z0-9_]{0,40}$/.test(value)) throw new Error("lower-case letters, digits and _, at most 41");
      return value;
    },
    fallback: "tenantctl",
  }),
  dataDir: setting({
    env: "TENANTCTL_DATA_DIR",
    about: "folder of the embedded PostgreSQL and what belongs to it",
    parse: text,
    fallback: ".tenantctl",
  }),
  adminEmail: setting({
    env: "TENANTCTL_ADMIN_EMAIL",
    about: "first operator, made only where there is none",
    parse: text,
    fallback: optional,
  }),
  adminPassword: setting({
    env: "TENANTCTL_ADMIN_PASSWORD",
    about: "the first operator's password",
    secret: true,
    parse: text,
    fallback: optional,
  }),
  jwtSecrets: setting<readonly string[] | undefined>({
    env: "TENANTCTL_JWT_SECRET",
    about: "key of the access tokens, `new,old` during a rotation",
    secret: true,
    parse: jwtSecrets,
    fallback: undefined,
  }),
  auditKeys: setting<readonly string[] | undefined>({
    env: "TENANTCTL_AUDIT_KEY",
    about: "key that seals the audit log, `new,old` after a change; keep it where the database's owner can't read it",
    secret: true,
    parse: sealingKeys,
    fallback: undefined,
  }),
  auditCheckpointFile: setting({
    env: "TENANTCTL_AUDIT_CHECKPOINT_FILE",
    about: "file that signed checkpoints of the audit log are appended to every hour; away from the database",
    parse: text,
    fallback: optional,
  }),
  auditRetentionMonths: setting<number | undefined>({
    env: "TENANTCTL_AUDIT_RETENTION_MONTHS",
    about: "whole months of the audit log that are kept besides this one; all of them unless set",
    parse: wholeNumber(1, 1200),
    fallback: undefined,
  }),
  accessTokenMinutes: setting({
    env: "TENANTCTL_ACCESS_TOKEN_MINUTES",
    about: "life of an access token",
    parse: wholeNumber(1, 60),
    fallback: 15,
  }),
  refreshTokenDays: setting({
    env: "TENANTCTL_REFRESH_TOKEN_DAYS",
    about: "life of a login that is not used",
    parse: wholeNumber(1, 365),
    fallback: 30,
  }),
  purgeDays: setting({
    env: "TENANTCTL_PURGE_DAYS",
    about: "days that a soft-deleted tenant's data is kept",
    parse: wholeNumber(0, 3650),
    fallback: defaultPurgeDays,
  }),
  passwordMinLength: setting({
    env: "TENANTCTL_PASSWORD_MIN_LENGTH",
    about: "shortest password that is accepted",
    parse: wholeNumber(8, 64),
    fallback: 8,
  }),
  poolSize: setting({
    env: "TENANTCTL_POOL_SIZE",
    about: "database connections for tenants' requests; operators have half as many",
    parse: wholeNumber(2, 200),
    fallback: 10,
  }),
  preparedStatements: setting({
    env: "TENANTCTL_PREPARED_STATEMENTS",
    about: "off behind PgBouncer before 1.21 in transaction mode",
    parse: flag,
    fallback: true,
  }),
  requestsPerMinute: setting({
    env: "TENANTCTL_REQUESTS_PER_MINUTE",
    about: "requests a minute per tenant where its plan names none; half of it per user",
    parse: wholeNumber(1, 10_000_000),
    fallback: 6000,
  }),
  unprovenRequestsPerMinute: setting({
    env: "TENANTCTL_UNPROVEN_REQUESTS_PER_MINUTE",
    about: "requests a minute per address for logging in and with tokens not seen to be good yet",
    parse: wholeNumber(1, 10_000_000),
    fallback: 600,
  }),
  overloadDelayMs: setting({
    env: "TENANTCTL_OVERLOAD_DELAY_MS",
    about: "mean delay of the event loop, in milliseconds, beyond which requests are turned away",
    parse: wholeNumber(10, 3_600_000),
    fallback: 500,
  }),
  bodyLimit: setting({
    env: "TENANTCTL_BODY_LIMIT",
    about: "bytes of a request body",
    parse: wholeNumber(1024, 16_777_216),
    fallback: 1_048_576,
  }),
  trustProxy: setting<string | undefined>({
    env: "TENANTCTL_TRUST_PROXY",
    about: "addresses or networks of proxies whose X-Forwarded-For counts, separated by commas",
    parse: text,
    fallback: undefined,
  }),
  logLevel: setting({
    env: "TENANTCTL_LOG_LEVEL",
    about: "what the log holds",
    parse: oneOf("fatal", "error", "warn", "info", "debug", "silent"),
    fallback: "info",
  }),
  publicUrl: setting({
    env: "TENANTCTL_PUBLIC_URL",
    about: "https:// address where people reach the API, through a proxy perhaps; its certificate's end is watched",
    parse: (value): string | undefined => {
      if (!/^https:\/\//.test(value) || !URL.canParse(value)) throw new Error("an https:// URL");
      return value;
    },
    fallback: optional,
  }),
  jobs: setting({ env: "TENANTCTL_JOBS", about: "run background jobs in this process", parse: flag, fallback: true }),
  metricsPort: setting<number | undefined>({
    env: "TENANTCTL_METRICS_PORT",
    about: "port of `/metrics` for Prometheus, without credentials; 0 is any free one. Not listened on unless set",
    parse: wholeNumber(0, 65_535),
    fallback: undefined,
  }),
  metricsHost: setting({
    env: "TENANTCTL_METRICS_HOST",
    about: "address that `/metrics` listens on",
    parse: text,
    fallback: "127.0.0.1",
  }),
  metricsTenants: setting({
    env: "TENANTCTL_METRICS_TENANTS",
    about: "tenants that have series of their own in `/metrics`; the others share one",
    parse: wholeNumber(0, 10_000),
    fallback: 200,
  }),
  webhookAllow: setting<readonly string[] | undefined>({
    env: "TENANTCTL_WEBHOOK_ALLOW",
    about: "addresses or networks beside the internet that webhooks may reach, separated by commas",
    parse: (value) => {
      const list = value.split(",").map((part) => part.trim());
      networks(list);
      return list;
    },
    fallback: undefined,
  }),
  drainDelaySeconds: setting({
    env: "TENANTCTL_DRAIN_DELAY_SECONDS",
    about:
      "how long a stopping server, not ready any more, still takes requests: until the balancer before it has noticed",
    parse: wholeNumber(0, 600),
    fallback: 0,
  }),
  drainSeconds: setting({
    env: "TENANTCTL_DRAIN_SECONDS",
    about: "how long a stopping server waits for requests under way",
    parse: wholeNumber(0, 600),
    fallback: 10,
  }),
};

export type Settings = { readonly [K in keyof typeof settings]: (typeof settings)[K]["fallback"] };
export type SettingName = keyof typeof settings;

/** All that is wrong with the configuration, each with the name of its setting. */
export class SettingsError extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(
      `The configuration has ${faults.length === 1 ? "a fault" : `${faults.length} faults`}:\n  ${faults.join("\n  ")}`,
    );
    this.name = "SettingsError";
    this.faults = faults;
  }
}

export interface SettingSources {
  readonly flags?: Readonly<Partial<Record<SettingName, string>>>;
  readonly env?: NodeJS.ProcessEnv;
  /** A file of NAME=value lines, the names being those of the environment. */
  readonly file?: string;
}

const readSecretFile = (name: string, path: string): string => {
  try {
    return readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw new Error(`${name}_FILE: ${path} cannot be read (${cause instanceof Error ? cause.message : String(cause)})`);
  }
};

/** Reads all settings and reports every fault at once, before anything listens. Throws SettingsError. */
export const readSettings = ({ flags = {}, env = process.env, file }: SettingSources = {}): Settings => {
  const faults: string[] = [];
  let fromFile: NodeJS.Dict<string> = {};
  try {
    if (file !== undefined) fromFile = parseEnv(readFileSync(file, "utf8"));
  } catch (cause) {
    faults.push(`${file}: cannot be read (${cause instanceof Error ? cause.message : String(cause)})`);
  }

  const sourced = (name: SettingName, { env: variable, secret }: Setting<unknown>): string | undefined => {
    for (const layer of [secret ? undefined : flags[name], env, fromFile]) {
      if (layer === undefined) continue;
      if (typeof layer === "string") return layer;
      const path = layer[`${variable}_FILE`];
      if (secret && path) {
        if (layer[variable]) throw new Error(`${variable}: both it and ${variable}_FILE are set; keep one`);
        return readSecretFile(variable, path);
      }
      if (layer[variable]) return layer[variable];
    }
    return undefined;
  };

  const values: Partial<Record<SettingName, unknown>> = {};
  for (const [key, shape] of Object.entries(settings)) {
    const name = key as SettingName;
    const definition: Setting<unknown> = shape;
    try {
      const value = sourced(name, definition);
      try {
        values[name] = value === undefined ? definition.fallback : definition.parse(value);
      } catch (expected) {
        const shown = definition.secret ? "what is set" : JSON.stringify(value);
        throw new Error(
          `${definition.env}: expected ${expected instanceof Error ? expected.message : ""}, not ${shown}`,
        );
      }
    } catch (fault) {
      faults.push(fault instanceof Error ? fault.message : String(fault));
    }
  }
  if (
    values.databaseUrl !== undefined &&
    values.jwtSecrets === undefined &&
    !faults.some((f) => f.startsWith("TENANTCTL_JWT_SECRET"))
  ) {
    faults.push(
      "TENANTCTL_JWT_SECRET: missing. With DATABASE_URL every process needs the same key: `openssl rand -base64 48`",
    );
  }
  if (values.metricsPort !== undefined && values.metricsPort !== 0 && values.metricsPort === values.port) {
    faults.push("TENANTCTL_METRICS_PORT: it is the API's own PORT; `/metrics` needs another one");
  }
  if (faults.length > 0) throw new SettingsError(faults);
  return values as Settings;
};
