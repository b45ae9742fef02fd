import type { Database } from "@tenantctl/database";
import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import type { AccessLog } from "./access-log/access-log.ts";
import type { AuditKeys } from "./audit/audit-keys.ts";
import type { Refusals } from "./audit/refusals.ts";
import type { AccessTokens } from "./auth/access-token.ts";
import type { Passwords } from "./auth/passwords.ts";
import type { Deliverer } from "./deliveries/deliverer.ts";
import type { ErrorGroups } from "./errors/error-groups.ts";
import type { Meter } from "./metrics/meter.ts";
import type { Metrics } from "./metrics/registry.ts";
import type { RateLimits } from "./quotas/rate-limits.ts";
import type { Settings } from "./settings.ts";
import type { TokenUse } from "./tokens/token-use.ts";

/** What handlers share. Made once by `createServer`; holds no state of any tenant that another process would need. */
export interface App {
  readonly settings: Settings;
  readonly db: Database;
  readonly tokens: AccessTokens;
  readonly passwords: Passwords;
  readonly auditKeys: AuditKeys;
  readonly meter: Meter;
  /** What `/metrics` shows; only where it is listened on. */
  readonly metrics: Metrics | undefined;
  readonly errors: ErrorGroups;
  readonly accessLog: AccessLog;
  readonly limits: RateLimits;
  readonly refusals: Refusals;
  readonly tokenUse: TokenUse;
  readonly deliverer: Deliverer;
  /** Calls this very API, past no check but the network's. */
  readonly inject: FastifyInstance["inject"];
  readonly log: FastifyBaseLogger;
  readonly startedAt: number;
  /** Whom each request is put down to, in a process that serves nobody else; undefined where the API listens. */
  readonly localActor: string | undefined;
  /** True from the moment the process was asked to stop. */
  draining: boolean;
}
