import Type from "typebox";
import { tenantRoles } from "../access.ts";
import { Closed, Count, Line, Nullable, OneOf, Time, Uuid } from "./values.ts";

export const User = Closed({
  id: Uuid("The user's id"),
  name: Line("The user's name"),
  email: Type.String({ description: "The user's e-mail, unique within the tenant" }),
  role: OneOf(tenantRoles, "What the user may do"),
  disabled: Type.Boolean({ description: "May not log in" }),
  mustChangePassword: Type.Boolean({ description: "Has to set a new password at the next login" }),
  lastLoginAt: Nullable(Time("The last login")),
  createdAt: Time("When the user was created"),
  updatedAt: Time("When the user last changed"),
});

/** A token is its maker's no more: programs that live on it would stop, so that is for people to decide. */
export const TokensLeft = {
  tokensLeft: Count("Tokens of tenants that they made and that still work: revoke those that should end"),
};

export const PasswordReset = Closed({
  userId: Uuid("Whose password"),
  sessionsEnded: Type.Integer({ description: "Sessions that were ended", minimum: 0 }),
  secret: Nullable(
    Type.String({
      description: "Without newPassword: a secret for POST /api/auth/redeem, shown once, good for one hour",
    }),
  ),
  expiresAt: Nullable(Time("When the secret ends")),
});
