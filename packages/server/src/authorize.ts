import { type Access, ContractError } from "@tenantctl/contract";
import type { AccessTokens } from "./auth/access-token.ts";
import { parseApiToken } from "./auth/api-token.ts";
import type { Principal } from "./principal.ts";

const unauthenticated = (): ContractError =>
  new ContractError(
    "unauthenticated",
    "This request has no valid credentials.",
    "Send `Authorization: Bearer <token>`; `tenantctl login` gets one.",
  );

const forbidden = (detail: string): ContractError =>
  new ContractError("forbidden", detail, "Ask somebody who has the role, or log in as another account.");

/** The principal that an Authorization header stands for. Throws unauthenticated, token_invalid or token_expired. */
export const authenticate = (header: string | undefined, tokens: AccessTokens): Principal => {
  if (header === undefined) return { kind: "anonymous" };
  const token = /^Bearer +([\x21-\x7e]+) *$/i.exec(header)?.[1];
  if (token === undefined || token.length > 4096) throw unauthenticated();
  if (!token.startsWith("tctl_")) return tokens.verify(token);
  const parsed = parseApiToken(token);
  if (parsed === undefined) {
    throw new ContractError(
      "token_invalid",
      "This token is mistyped or cut off: its checksum is wrong.",
      "Copy it again, whole; it begins with tctl_.",
    );
  }
  return parsed.tenantId === null
    ? { kind: "operatorToken", hash: parsed.hash }
    : { kind: "tenantToken", tenantId: parsed.tenantId, hash: parsed.hash };
};

/** Refuses what the credentials alone rule out. A token's scopes are checked in the database. */
export const authorize = (access: Access, principal: Principal, whilePasswordIsDue: boolean): void => {
  if (access.kind === "public") return;
  if (principal.kind === "anonymous") throw unauthenticated();
  if (
    (principal.kind === "user" || principal.kind === "operator") &&
    principal.mustChangePassword &&
    !whilePasswordIsDue
  ) {
    throw new ContractError(
      "password_change_required",
      "This account must set a new password first.",
      "`tenantctl password` (POST /api/auth/password), then log in again.",
    );
  }
  const isTenants = principal.kind === "user" || principal.kind === "tenantToken";
  switch (access.kind) {
    case "session":
      if (principal.kind === "tenantToken" || principal.kind === "operatorToken") {
        throw forbidden("This is for a logged-in account, not for a token.");
      }
      return;
    case "operator":
      if (isTenants) throw forbidden("This is for operators.");
      return;
    case "tenant":
      if (principal.kind === "user" && !access.roles.includes(principal.role)) {
        throw forbidden(`Your role, ${principal.role}, does not allow this.`);
      }
  }
};
