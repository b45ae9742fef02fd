import type { RouteId } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import type { Principal } from "../principal.ts";

/** Requests of one actor for one tenant's data, by one route and from one address, within a minute. */
export interface AccessLine {
  /** Whose data: the tenant's id or slug; empty for the system's own. */
  readonly tenant: string;
  readonly actorType: "user" | "operator" | "token" | "overflow";
  readonly actorId: string;
  readonly actorName: string | null;
  /** Of a token, whose id the database knows: base64, and the tenant it belongs to. */
  readonly tokenHash: string | null;
  readonly tokenOwner: string | null;
  readonly route: RouteId | "";
  readonly address: string;
  requests: number;
  readonly firstRequestId: string;
  lastRequestId: string;
  /** When the first came, in milliseconds of a clock that nobody sets. */
  readonly since: number;
}

type Who = Pick<AccessLine, "actorType" | "actorId" | "actorName" | "tokenHash" | "tokenOwner">;

const noToken = { tokenHash: null, tokenOwner: null };

/** Who an access is put down to; undefined where nobody has shown credentials. */
export const whoOf = (principal: Principal | undefined): Who | undefined => {
  switch (principal?.kind) {
    case "user":
      return { actorType: "user", actorId: principal.userId, actorName: principal.name, ...noToken };
    case "operator":
      return { actorType: "operator", actorId: principal.operatorId, actorName: principal.name, ...noToken };
    case "tenantToken":
    case "operatorToken":
      return {
        actorType: "token",
        actorId: "",
        actorName: null,
        tokenHash: principal.hash.toString("base64"),
        tokenOwner: principal.kind === "tenantToken" ? principal.tenantId : null,
      };
    default:
      return undefined;
  }
};

/** What tells actors apart, for the path of every request: found without making anything. */
export const actorKey = (principal: Principal | undefined): string | undefined => {
  switch (principal?.kind) {
    case "user":
      return principal.userId;
    case "operator":
      return principal.operatorId;
    case "tenantToken":
    case "operatorToken":
      return principal.hash.toString("base64");
    default:
      return undefined;
  }
};

/** The same for all requests of a line. `since` is of a clock that nobody sets. */
export const keyOf = (since: number, tenant: string, actor: string, route: string, address: string): string =>
  `${Math.floor(since / 60_000)} ${tenant} ${actor} ${route} ${address}`;

export const lineKey = ({ since, tenant, tokenHash, actorId, route, address }: AccessLine): string =>
  keyOf(since, tenant, tokenHash ?? actorId, route, address);

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The statement that adds lines to the log, whatever their tenants. */
export const addLines = (lines: readonly AccessLine[]) => {
  const now = performance.now();
  const written = lines.map(({ since, tenant, ...line }) => ({
    ...line,
    ...(uuid.test(tenant) ? { tenantId: tenant } : tenant === "" ? {} : { slug: tenant }),
    age: (now - since) / 1000,
  }));
  return sql`select app.add_accesses(${JSON.stringify(written)}::json)`.compile(build);
};
