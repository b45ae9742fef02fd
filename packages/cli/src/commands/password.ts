import { type BodyOf, createClient, type Routes } from "@tenantctl/contract";
import { usage } from "../cli-error.ts";
import { defineCommands } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { createApi } from "../session/api.ts";
import { readCredentials } from "../session/credentials.ts";
import { currentToken } from "../session/refresh.ts";
import { requireSafe, resolveTarget } from "../session/target.ts";

/** Changes one's own password, and keeps this login when the server ends the others. */
const change = async (invocation: Invocation, body: BodyOf<Routes["auth.password"]>): Promise<number> => {
  const { out, settings } = invocation;
  // Resolved anew: a login may just have been stored.
  const target = await resolveTarget(settings);
  const api = createApi(target, out.note);
  const { sessionsEnded } = await api.call("auth.password", { body });
  const { dir, contextName, url } = target;
  const stored = await readCredentials(dir, contextName);
  // The access token still says that a new password must be set; its successor doesn't.
  if (target.envToken === undefined && stored?.kind === "session" && stored.mustChangePassword)
    await currentToken(target, createClient({ baseUrl: url }), stored.accessToken);
  out.note(`the password is changed; ${sessionsEnded} other ${sessionsEnded === 1 ? "session" : "sessions"} ended.`);
  return 0;
};

/** Asks for a new password twice and sets it. `currentPassword` is the one that has just been given. */
export const changePassword = async (invocation: Invocation, currentPassword: string): Promise<number> => {
  const newPassword = await invocation.ask.secret("The new password:");
  if (newPassword !== (await invocation.ask.secret("The new password again:")))
    throw usage("the two are not the same", "Run `tenantctl password` and type it again.");
  return change(invocation, { currentPassword, newPassword });
};

export const commands = defineCommands([
  {
    path: ["password"],
    route: "auth.password",
    run: async (invocation) => {
      const { input } = await invocation.gathered();
      return change(invocation, input.body as BodyOf<Routes["auth.password"]>);
    },
    examples: ["password", "password --current-password-file old.txt --new-password-file new.txt"],
  },
  {
    path: ["redeem"],
    route: "auth.redeem",
    secrets: ["secret"],
    description:
      "The secret comes from whoever reset the password; it works once, for one hour; the first one of a new tenant for seven days.",
    run: async (invocation) => {
      const { target } = await invocation.api();
      requireSafe(target.url);
      const { input } = await invocation.gathered();
      const body = input.body as BodyOf<Routes["auth.redeem"]>;
      const { data } = await createClient({ baseUrl: target.url }).call("auth.redeem", { body });
      invocation.out.note(`the new password is set; ${data.sessionsEnded} sessions ended. Next: tenantctl login`);
      return 0;
    },
    examples: ["redeem", "redeem --secret-file secret.txt --new-password-file new.txt"],
  },
]);
