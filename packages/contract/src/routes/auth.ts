import Type from "typebox";
import { publicAccess, sessionAccess, tenantRoles } from "../access.ts";
import { route } from "../route.ts";
import { Closed, Count, Email, Nullable, OneOf, Password, Secret, TenantRef, Uuid } from "../schemas/values.ts";

const Session = Closed({
  accessToken: Type.String({ description: "Send it as `Authorization: Bearer …`" }),
  refreshToken: Type.String({ description: "Good once, for the next pair" }),
  expiresIn: Type.Integer({ description: "Seconds until the access token expires", minimum: 1 }),
  mustChangePassword: Type.Boolean({ description: "True: only POST /api/auth/password is open until it is changed" }),
});

export const authRoutes = {
  "auth.login": route({
    method: "POST",
    path: "/api/auth/login",
    tag: "auth",
    summary: "Log in",
    description:
      "With `tenant` (id or slug) as a user of that tenant, without as an operator. Failed logins are throttled.",
    access: publicAccess,
    body: Closed({
      email: Email("The account's e-mail"),
      password: Password("The account's password"),
      tenant: Type.Optional(TenantRef),
    }),
    responses: { 200: Session },
    errors: [
      "invalid_credentials",
      "login_throttled",
      "tenant_suspended",
      "tenant_cancelled",
      "overloaded",
      "maintenance",
    ],
    audit: { action: "login", resourceType: "session" },
    example: { body: { email: "admin@company.com", password: "secure_password", tenant: "company-name" } },
  }),
  "auth.refresh": route({
    method: "POST",
    path: "/api/auth/refresh",
    tag: "auth",
    summary: "Exchange a refresh token for a new pair",
    description: "The old one is spent. Used again after 10 seconds it ends the whole login.",
    access: publicAccess,
    body: Closed({ refreshToken: Secret("The refresh token of the last pair") }),
    responses: { 200: Session },
    errors: ["session_ended", "tenant_suspended", "tenant_cancelled"],
    example: { body: { refreshToken: "the-refresh-token" } },
  }),
  "auth.logout": route({
    method: "POST",
    path: "/api/auth/logout",
    tag: "auth",
    summary: "Log out",
    description: "Ends this session: its access and refresh tokens stop working with the next request.",
    access: sessionAccess,
    responses: { 200: Closed({ sessionsEnded: Count("1") }) },
    audit: { action: "logout", resourceType: "session" },
    example: {},
  }),
  "auth.password": route({
    method: "POST",
    path: "/api/auth/password",
    tag: "auth",
    summary: "Change your own password",
    description: "Ends all other sessions of the account.",
    access: sessionAccess,
    body: Closed({ currentPassword: Password("The password now"), newPassword: Password("The new password") }),
    responses: { 200: Closed({ sessionsEnded: Count("Other sessions that were ended") }) },
    errors: ["invalid_credentials", "weak_password", "login_throttled"],
    audit: { action: "change_password", resourceType: "user" },
    example: { body: { currentPassword: "secure_password", newPassword: "another_password" } },
  }),
  "auth.redeem": route({
    method: "POST",
    path: "/api/auth/redeem",
    tag: "auth",
    summary: "Set a new password with a reset secret",
    description: "The secret works once and for one hour; the one that a tenant was provisioned with for seven days.",
    access: publicAccess,
    body: Closed({ secret: Secret("The reset secret", 256), newPassword: Password("The new password") }),
    responses: { 200: Closed({ sessionsEnded: Count("Sessions that were ended") }) },
    errors: ["reset_invalid", "weak_password", "tenant_suspended", "tenant_cancelled"],
    audit: { action: "redeem_reset", resourceType: "user" },
    example: { body: { secret: "the-reset-secret", newPassword: "another_password" } },
  }),
  "auth.me": route({
    method: "GET",
    path: "/api/auth/me",
    tag: "auth",
    summary: "Who am I",
    access: sessionAccess,
    responses: {
      200: Closed({
        kind: OneOf(["operator", "user"], "What kind of account"),
        id: Uuid("The account's id"),
        email: Type.String(),
        name: Type.String(),
        role: OneOf(["operator", ...tenantRoles], "The role"),
        tenantId: Nullable(Uuid("The tenant, for a user")),
        mustChangePassword: Type.Boolean(),
      }),
    },
    example: {},
  }),
};
