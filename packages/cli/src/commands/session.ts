import { type BodyOf, ContractError, createClient, exitCodes, type Routes } from "@tenantctl/contract";
import { readStdin } from "../arguments/secret-input.ts";
import { usage } from "../cli-error.ts";
import { defineCommands } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { cleanLine } from "../output/clean.ts";
import { runRoute } from "../run-route.ts";
import { type Context, checkedName, putContext } from "../session/contexts.ts";
import { type Credentials, removeCredentials, sessionOf, writeCredentials } from "../session/credentials.ts";
import { notLoggedIn } from "../session/refresh.ts";
import { requireSafe, type Target } from "../session/target.ts";
import { changePassword } from "./password.ts";

const store = async (
  target: Target,
  credentials: Credentials,
  who: Pick<Context, "email" | "tenant">,
): Promise<void> => {
  const { dir, contextName, context, url } = target;
  await writeCredentials(dir, checkedName(contextName), credentials);
  const { protected: isProtected } = context ?? {};
  await putContext(dir, contextName, { url, ...(isProtected ? { protected: true } : {}), ...who }, false);
};

/** A token is tried before it replaces a login that may work. */
const loginWithToken = async ({ out, api }: Invocation): Promise<number> => {
  const { target } = await api();
  if (process.stdin.isTTY === true)
    throw usage(
      "--token-stdin reads the token from a pipe or a file",
      "For instance: tenantctl login --token-stdin < token.txt",
    );
  const token = (await readStdin(65_536)).trim();
  if (!/^[\x21-\x7e]{16,}$/.test(token))
    throw usage("standard input holds no token", "For instance: tenantctl login --token-stdin < token.txt");
  requireSafe(target.url);
  const client = createClient({ baseUrl: target.url, token: () => token });
  // Any answer but 401 says that the server knows the token; its scopes are its own affair.
  await client.call("audit.list", { query: { limit: 1 } }).catch((error: unknown) => {
    if (
      !(error instanceof ContractError) ||
      error.code === "token_invalid" ||
      error.code === "unauthenticated" ||
      error.code === "token_expired" ||
      error.code === "session_ended"
    )
      throw error;
  });
  await store(target, { kind: "token", url: target.url, token }, {});
  out.note(`stored the token for ${target.url} (context ${target.contextName}).`);
  return 0;
};

const login = async (invocation: Invocation): Promise<number> => {
  const { out, api, ask, flags, settings } = invocation;
  const { target } = await api();
  checkedName(target.contextName);
  if (target.named && target.context === undefined && settings.apiUrl === undefined)
    throw usage(
      `there is no context ${target.contextName} yet`,
      `Add --api-url to make it: tenantctl login --context ${target.contextName} --api-url https://…`,
    );
  requireSafe(target.url);
  if (flags.tokenStdin === true) return loginWithToken(invocation);
  const { input } = await invocation.gathered();
  const body = input.body as BodyOf<Routes["auth.login"]>;
  const { data } = await createClient({ baseUrl: target.url }).call("auth.login", { body });
  await store(target, sessionOf(target.url, data), {
    email: body.email,
    ...(body.tenant === undefined ? {} : { tenant: body.tenant }),
  });
  out.note(
    cleanLine(
      `logged in to ${target.url} as ${body.email}${body.tenant === undefined ? "" : ` of ${body.tenant}`} (context ${target.contextName}).`,
    ),
  );
  if (!data.mustChangePassword) return 0;
  out.note("a new password must be set before anything else works.");
  if (!ask.possible) {
    out.note("next: tenantctl password");
    return 0;
  }
  return changePassword(invocation, body.password);
};

const logout = async ({ out, api, flags }: Invocation): Promise<number> => {
  const client = await api();
  const { dir, contextName, credentials, url } = client.target;
  if (client.target.envToken !== undefined) out.note("TENANTCTL_TOKEN is set; it goes on being used while it is.");
  if (credentials === undefined) throw notLoggedIn(client.target);
  if (credentials.kind === "session" && flags.local !== true) {
    await client.call("auth.logout").catch((error: unknown) => {
      // A session that has ended by itself needs no ending.
      const over = error instanceof Error && "exit" in error && error.exit === exitCodes.denied;
      if (
        !over &&
        !(error instanceof ContractError && (error.code === "session_ended" || error.code === "token_invalid"))
      )
        throw error;
    });
  }
  await removeCredentials(dir, contextName);
  out.note(
    credentials.kind === "token"
      ? `forgot the token for ${url}. It still works elsewhere; end it with \`tenantctl tokens revoke\`.`
      : flags.local === true
        ? `forgot the login to ${url}; on the server it ends by itself.`
        : `logged out of ${url}.`,
  );
  return 0;
};

/** A token is nobody's login; what this side knows about it is shown instead. */
const whoami = async (invocation: Invocation): Promise<number> => {
  const { login: kind, target } = await invocation.api();
  if (target.envToken === undefined && target.credentials?.kind !== "token") return runRoute(invocation);
  const { url, contextName, context } = target;
  const token = { kind: "token", of: kind, url, context: context === undefined ? null : contextName };
  await invocation.out.record(JSON.stringify(token), { cells: [], properties: Object.keys(token) });
  return 0;
};

export const commands = defineCommands([
  {
    path: ["login"],
    route: "auth.login",
    summary: "Log in, or store a token",
    description:
      "As an operator, or with --tenant as a user of that tenant. The login is kept in the context, readable by you alone, and renewed by itself.",
    flags: [{ flags: "--token-stdin", help: "Store the token on standard input instead (for cron and programs)" }],
    run: login,
    examples: [
      "login --email you@example.com",
      "login --email ann@acme.com --tenant acme",
      "login --context production --api-url https://tenants.example.com --email you@example.com",
      "login --email you@example.com --password-file password.txt --no-input",
      "login --token-stdin < token.txt",
    ],
  },
  {
    path: ["logout"],
    covers: ["auth.logout"],
    summary: "End the login, here and on the server",
    flags: [{ flags: "--local", help: "Only forget it here, when the server can't be reached" }],
    run: logout,
    examples: ["logout", "logout --context production"],
  },
  { path: ["whoami"], route: "auth.me", run: whoami, examples: ["whoami", "whoami -o json"] },
]);
