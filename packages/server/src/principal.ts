import type { TenantRole } from "@tenantctl/contract";

interface SessionOf {
  readonly sessionId: string;
  /** The account's e-mail, for the audit log. */
  readonly name: string;
  /** Such a session may only change its password, log out and ask who it is. */
  readonly mustChangePassword: boolean;
}

/** Who is calling, as far as the credentials say; whether they still hold is checked in the database transaction. */
export type Principal =
  | { readonly kind: "anonymous" }
  | ({
      readonly kind: "user";
      readonly tenantId: string;
      readonly userId: string;
      readonly role: TenantRole;
    } & SessionOf)
  | ({ readonly kind: "operator"; readonly operatorId: string } & SessionOf)
  | { readonly kind: "tenantToken"; readonly tenantId: string; readonly hash: Buffer }
  | { readonly kind: "operatorToken"; readonly hash: Buffer }
  /** Whoever has the database's own URL, and calls within their own process (local-api.ts). */
  | { readonly kind: "local"; readonly name: string };

/** An actor as the audit log names it. */
export interface Actor {
  readonly type: "user" | "operator" | "token" | "system" | "local" | "anonymous";
  readonly id: string | null;
  readonly name: string | null;
  /** A token is known by its hash until the database has been asked; the audit row looks its id and name up. */
  readonly tokenHash?: Buffer;
}

/** The audit log's name for whoever calls. */
export const actorOf = (principal: Principal): Actor => {
  switch (principal.kind) {
    case "anonymous":
      return { type: "anonymous", id: null, name: null };
    case "user":
      return { type: "user", id: principal.userId, name: principal.name };
    case "operator":
      return { type: "operator", id: principal.operatorId, name: principal.name };
    case "local":
      return { type: "local", id: null, name: principal.name };
    default:
      return { type: "token", id: null, name: null, tokenHash: principal.hash };
  }
};
