import {
  type Ask,
  type CallOptions,
  ContractError,
  createAsk,
  createClient,
  errorOf,
  exitCodes,
  pathOf,
  type ResultOf,
  type RouteId,
  type RouteShape,
  type Routes,
  routes,
  timeLimit,
  UnreachableError,
  version,
  type WholeAnswer,
} from "@tenantctl/contract";
import type { RouteInput } from "../arguments/route-input.ts";
import { CliError, usage } from "../cli-error.ts";
import { askPlainly } from "./ask-plainly.ts";
import { currentToken, notLoggedIn } from "./refresh.ts";
import { requireContext, requireSafe, type Target } from "./target.ts";
import { apiAge, versionNote } from "./version-check.ts";

export interface SendOptions {
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
  /** Milliseconds until the answer must have begun, where that may take long. */
  readonly timeoutMs?: number;
  /** The document of a route that takes one; asked for again where the call is made again with fresh credentials. */
  readonly upload?: () => AsyncIterable<Uint8Array>;
}

/** The API as commands use it: credentials, refreshing, versions and errors are taken care of. */
export interface Api {
  readonly target: Target;
  /** Whose login or token it is. */
  readonly login: "tenant" | "operator" | "unknown" | "none";
  /** Calls a route; the response is good (2xx) and its body unread. */
  send(id: RouteId, input?: Partial<RouteInput>, options?: SendOptions): Promise<Response>;
  /** Calls a route and parses the answer. */
  call<Id extends RouteId>(id: Id, options?: Omit<CallOptions<Routes[Id]>, "upload">): Promise<ResultOf<Routes[Id]>>;
  /** The text of the answer, and the next page's cursor. */
  text(
    id: RouteId,
    input?: Partial<RouteInput>,
    options?: SendOptions,
  ): Promise<{ text: string; status: number; next: string | undefined }>;
  /** Any method and path. Changing methods are held to the same rules as routes. */
  request(method: string, path: string, body?: unknown): Promise<Response>;
}

/** A request before its credentials are added. */
interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly anonymous: boolean;
  readonly body: unknown;
  readonly options: SendOptions;
  /** The media type of the upload, on a route that takes one. */
  readonly uploadType?: string | undefined;
  /** One of the contract's routes, and not a path that somebody typed. */
  readonly ofRoute: boolean;
}

/** Milliseconds that an ordinary answer may take in all; complete lists and documents take what they need. */
const answerMs = 60_000;

/** A tenant's API token carries the tenant's id; what an access token from the environment is, the API knows. */
const loginOf = ({ envToken, credentials, context }: Target): Api["login"] => {
  const token = envToken ?? (credentials?.kind === "token" ? credentials.token : undefined);
  if (token !== undefined)
    return /^tctl_[0-9a-f]{32}_/.test(token) ? "tenant" : token.startsWith("tctl_") ? "operator" : "unknown";
  if (credentials === undefined) return "none";
  return context?.tenant === undefined ? "operator" : "tenant";
};

const nextCursor = (headers: WholeAnswer["headers"]): string | undefined => {
  const target = /<([^>]+)>;\s*rel="next"/.exec(headers.get("link") ?? "")?.[1];
  return target === undefined
    ? undefined
    : (new URL(target, "http://localhost").searchParams.get("cursor") ?? undefined);
};

/** An API client for a target. `note` says one line on stderr; `within`: an API in this process instead of the network's. */
export const createApi = (target: Target, note: (line: string) => void, within?: typeof fetch): Api => {
  const options = { baseUrl: target.url, headers: { "user-agent": `tenantctl/${version}` } };
  const client = createClient(within === undefined ? options : { ...options, fetch: within });
  const plain = within === undefined ? createAsk(options, askPlainly) : client.request;
  let noted = false;

  const checkVersion = (response: WholeAnswer): void => {
    const line = noted ? undefined : versionNote(response.headers.get("x-tenantctl-version"));
    if (line === undefined) return;
    noted = true;
    note(line);
  };

  const guardChange = (method: string, step: string): void => {
    requireContext(target);
    if (method === "GET" || target.named || target.context?.protected !== true || target.context.url !== target.url)
      return;
    throw usage(
      `context ${target.contextName} is protected, and ${step} changes something`,
      `If you mean it, say so: add --context ${target.contextName}.`,
    );
  };

  const sendOnce = async <A extends WholeAnswer>(ask: Ask<A>, outgoing: Outgoing, refused?: string) => {
    const { method, path, anonymous, body, options, uploadType } = outgoing;
    let token: string | undefined;
    if (!anonymous) {
      if (target.envToken === undefined && target.credentials === undefined) throw notLoggedIn(target);
      requireSafe(target.url);
      token = await currentToken(target, client, refused);
    } else if (body !== undefined) requireSafe(target.url);
    const response = await ask(method, path, {
      ...(body === undefined ? {} : { body }),
      ...(options.upload === undefined ? {} : { upload: options.upload() }),
      headers: {
        ...(uploadType === undefined ? {} : { "content-type": uploadType }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(options.idempotencyKey === undefined ? {} : { "idempotency-key": options.idempotencyKey }),
      },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    });
    checkVersion(response);
    return { response, token };
  };

  /** Errors that are better understood from this side. */
  const explained = (error: Error, response: WholeAnswer, ofRoute: boolean): Error => {
    if (!(error instanceof ContractError)) return error;
    const apiVersion = response.headers.get("x-tenantctl-version");
    if (ofRoute && error.code === "route_not_found" && apiAge(apiVersion) !== "newer")
      return new CliError(
        "route_not_found",
        exitCodes.notFound,
        `the API at ${target.url} does not know this step: it is older than this tenantctl (${version})`,
        "Upgrade the API, or use the tenantctl that came with it.",
      );
    if (error.code === "password_change_required")
      return new CliError(error.code, exitCodes.denied, error.message, "Set a new password with `tenantctl password`.");
    return error;
  };

  const exchange = async <A extends WholeAnswer>(ask: Ask<A>, outgoing: Outgoing): Promise<A> => {
    const first = await sendOnce(ask, outgoing);
    if (first.response.ok) return first.response;
    const error = await errorOf(first.response);
    // This machine's clock may be behind the server's; what was refused is exchanged once.
    const expired = error instanceof ContractError && error.code === "token_expired" && first.token !== undefined;
    if (!expired || target.credentials?.kind !== "session" || target.envToken !== undefined)
      throw explained(error, first.response, outgoing.ofRoute);
    const second = await sendOnce(ask, outgoing, first.token);
    if (second.response.ok) return second.response;
    throw explained(await errorOf(second.response), second.response, outgoing.ofRoute);
  };

  const sendBy = async <A extends WholeAnswer>(
    ask: Ask<A>,
    id: RouteId,
    input: Partial<RouteInput> = {},
    options: SendOptions = {},
  ): Promise<A> => {
    const shape: RouteShape = routes[id];
    // Logging in and out changes the session, not the system; a token that is looked at changes nothing.
    if (!id.startsWith("auth.") && id !== "diagnose.token")
      guardChange(shape.method, `\`${shape.summary.toLowerCase()}\``);
    // An upload takes as long as it takes, and is answered when all of it has been read.
    const quick = shape.list === undefined && shape.upload === undefined && options.signal === undefined;
    return exchange(ask, {
      method: shape.method,
      path: pathOf(shape.path, input.params, input.query),
      anonymous: shape.access.kind === "public",
      body: input.body,
      options: quick ? { ...options, signal: timeLimit(answerMs) } : options,
      uploadType: shape.upload,
      ofRoute: true,
    });
  };

  const send: Api["send"] = (id, input, options) => sendBy(client.request, id, input, options);

  const text: Api["text"] = async (id, input, options) => {
    const response =
      options?.upload === undefined
        ? await sendBy(plain, id, input, options)
        : await sendBy(client.request, id, input, options);
    const body = await response.text().catch((cause: unknown) => {
      throw new UnreachableError(
        `${target.url} broke off its answer: ${cause instanceof Error ? cause.message : String(cause)}`,
        "Run the command again; if it repeats, look at the API's log.",
        cause,
      );
    });
    return { text: body, status: response.status, next: nextCursor(response.headers) };
  };

  return {
    target,
    login: loginOf(target),
    send,
    text,
    call: async <Id extends RouteId>(id: Id, options: Omit<CallOptions<Routes[Id]>, "upload"> = {}) => {
      const { text: body } = await text(id, options as Partial<RouteInput>, options);
      return JSON.parse(body) as ResultOf<Routes[Id]>;
    },
    request: async (method, path, body) => {
      guardChange(method, `${method} ${path}`);
      const anonymous = target.envToken === undefined && target.credentials === undefined;
      return exchange(client.request, { method, path, anonymous, body, options: {}, ofRoute: false });
    },
  };
};
