import type { RouteId } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import type { Principal } from "../principal.ts";
import type { NamedTenant } from "./named-tenant.ts";

/** Requests of one actor for one tenant's data, by one route and from one address, within a minute. */
export interface AccessLine extends NamedTenant {
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

/** Who an access is put down to; undefined where nobody has shown credentials. */
export const whoOf = (principal: Principal | undefined): Who | undefined => {
  const noToken = { tokenHash: null, tokenOwner: null };
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

/** The same for all requests of a line. `minute` is of the clock that `since` is of. */
export const lineKey = (line: Omit<AccessLine, "requests" | "firstRequestId" | "lastRequestId">): string =>
  `${Math.floor(line.since / 60_000)} ${line.tenantId ?? line.slug ?? ""} ${line.tokenHash ?? line.actorId} ${line.actorType} ${line.route} ${line.address}`;

/** The statement that adds lines to the log, whatever their tenants. */
export const addLines = (lines: readonly AccessLine[]) => {
  const now = performance.now();
  const aged = lines.map(({ since, ...line }) => ({ ...line, age: (now - since) / 1000 }));
  return sql`select app.add_accesses(${JSON.stringify(aged)}::json)`.compile(build);
};
