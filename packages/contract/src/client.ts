import { ContractError, isErrorCode, type Problem } from "./errors.ts";
import type { BodyOf, ParamsOf, QueryOf, ResultOf, RouteShape } from "./route.ts";
import { type RouteId, type Routes, routes } from "./routes/index.ts";

/** Anything that went wrong with a call: the API's problem document, or the network's word. */
export class ApiError extends ContractError {
  readonly problem: Problem | undefined;
  constructor(problem: Problem, retryAfter: number | undefined) {
    super(problem.code, problem.detail, problem.hint, {
      ...(problem.faults ? { faults: problem.faults } : {}),
      ...(retryAfter === undefined ? {} : { retryAfter }),
    });
    this.name = "ApiError";
    this.problem = problem;
  }
}

/** The server could not be reached, or what answered is not this API. */
export class UnreachableError extends Error {
  readonly hint: string;
  /** Seconds after which whatever answered wants to be asked again. */
  readonly retryAfter: number | undefined;
  constructor(detail: string, hint: string, cause?: unknown, retryAfter?: number) {
    super(detail, { cause });
    this.name = "UnreachableError";
    this.hint = hint;
    this.retryAfter = retryAfter;
  }
}

export interface CallOptions<R extends RouteShape> {
  readonly params?: ParamsOf<R>;
  readonly query?: QueryOf<R>;
  readonly body?: BodyOf<R>;
  /** The document of a route that takes an upload. It has no time limit here: end it with `signal`. */
  readonly upload?: AsyncIterable<Uint8Array>;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

export interface Answer<T> {
  readonly data: T;
  readonly status: number;
  readonly headers: Headers;
  /** Cursor of the next page, where there is one. */
  readonly next: string | undefined;
}

export interface ClientOptions {
  readonly baseUrl: string;
  /** Asked before each call; undefined sends none. */
  readonly token?: () => string | undefined | Promise<string | undefined>;
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of the network's: an API within this process. */
  readonly fetch?: typeof fetch;
  /** Milliseconds until an answer must have begun; 30 s unless said. A streamed body may take longer. */
  readonly timeoutMs?: number;
}

/** What is read of an answer that comes as a whole. A `Response` is one. */
export interface WholeAnswer extends Pick<Response, "ok" | "status" | "url" | "text"> {
  readonly headers: Pick<Headers, "get">;
}

/** A request as it leaves. */
export interface Outgoing {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | ReadableStream<Uint8Array>;
  readonly duplex?: "half";
  /** An answer that leads elsewhere is a fault: credentials go to nobody else. */
  readonly redirect: "error";
  readonly signal: AbortSignal;
}

/** Any method and path. Throws UnreachableError, or the signal's reason. */
export type Ask<A extends WholeAnswer> = (
  method: string,
  path: string,
  options?: {
    body?: unknown;
    upload?: AsyncIterable<Uint8Array>;
    headers?: Record<string, string>;
    signal?: AbortSignal;
    /** In place of the client's, for what is known to take long. */
    timeoutMs?: number;
  },
) => Promise<A>;

export interface Client {
  /** Calls a route and parses its JSON. Throws ApiError or UnreachableError. */
  call<Id extends RouteId>(id: Id, options?: CallOptions<Routes[Id]>): Promise<Answer<ResultOf<Routes[Id]>>>;
  /** Calls a route and hands over the unread response, for documents that are streamed. */
  open<Id extends RouteId>(id: Id, options?: CallOptions<Routes[Id]>): Promise<Response>;
  /** Any method and path: the escape hatch. */
  request: Ask<Response>;
}

/** A path with its parameters filled in and its query appended. */
export const pathOf = (
  path: string,
  params: Readonly<Record<string, unknown>> = {},
  query: Readonly<Record<string, unknown>> = {},
): string => {
  const filled = path.replace(/:([A-Za-z]+)/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.append(name, String(value));
  const text = search.toString();
  return text === "" ? filled : `${filled}?${text}`;
};

const isProblem = (value: unknown): value is Problem =>
  typeof value === "object" &&
  value !== null &&
  "code" in value &&
  typeof value.code === "string" &&
  isErrorCode(value.code) &&
  "detail" in value &&
  "hint" in value;

/** Turns an error answer into an ApiError, or an UnreachableError where something else than this API answered. */
export const errorOf = async (response: WholeAnswer): Promise<ApiError | UnreachableError> => {
  const text = await response.text().catch(() => "");
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  const asked = Number(response.headers.get("retry-after"));
  const retryAfter = Number.isFinite(asked) && asked > 0 ? asked : undefined;
  if (isProblem(parsed)) return new ApiError(parsed, retryAfter);
  return new UnreachableError(
    `${response.url} answered ${response.status} without a problem document`,
    "Check that the URL is that of a tenantctl API and that no proxy answers in its place.",
    undefined,
    retryAfter,
  );
};

const nextCursor = (headers: Headers): string | undefined => {
  const target = /<([^>]+)>;\s*rel="next"/.exec(headers.get("link") ?? "")?.[1];
  return target === undefined
    ? undefined
    : (new URL(target, "http://localhost").searchParams.get("cursor") ?? undefined);
};

/**
 * Aborts after so many milliseconds, with a TimeoutError. Node forgets a signal of `AbortSignal.timeout` that only
 * `AbortSignal.any` knows of, as soon as it collects garbage: then a body that stalls is waited for without an end.
 */
export const timeLimit = (ms: number): AbortSignal => {
  const limit = new AbortController();
  const abort = (): void => limit.abort(new DOMException(`not answered whole within ${ms / 1000} s`, "TimeoutError"));
  const timer: unknown = setTimeout(abort, ms);
  // It keeps no process alive; browsers have numbers here, which keep nothing alive.
  if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function")
    timer.unref();
  return limit.signal;
};

/**
 * The whole text of an answer. Throws the reason of the first of `limits` that aborts: fetch reaches a body that it has
 * handed over by weak references only, and forgets to end it once garbage was collected.
 */
const textWithin = async ({ body }: Response, limits: readonly AbortSignal[]): Promise<string> => {
  if (body === null) return "";
  const reader = body.getReader();
  const stop = (): void => void reader.cancel().catch(() => {});
  for (const limit of limits) limit.addEventListener("abort", stop);
  try {
    const decoder = new TextDecoder();
    for (let text = ""; ; ) {
      const { done, value } = await reader.read();
      for (const limit of limits) limit.throwIfAborted();
      if (done) return text + decoder.decode();
      text += decoder.decode(value, { stream: true });
    }
  } finally {
    for (const limit of limits) limit.removeEventListener("abort", stop);
  }
};

/** How the client's requests are made, over a transport of the caller's choice. */
export const createAsk = <A extends WholeAnswer>(
  { baseUrl, token: ownToken, headers: own, timeoutMs = 30_000 }: Omit<ClientOptions, "fetch">,
  send: (url: URL, outgoing: Outgoing) => Promise<A>,
): Ask<A> => {
  return async (method, path, { body, upload, headers, signal, timeoutMs: asked } = {}) => {
    const within = asked ?? timeoutMs;
    const token = await ownToken?.();
    const begun = new AbortController();
    // An answer to an upload begins when all of it has been read, however long that takes.
    const timer =
      upload === undefined
        ? setTimeout(() => begun.abort(new Error(`no answer within ${within / 1000} s`)), within)
        : undefined;
    try {
      return await send(new URL(path, baseUrl), {
        method,
        redirect: "error",
        headers: {
          accept: "application/json",
          ...own,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(upload === undefined ? {} : { body: ReadableStream.from(upload), duplex: "half" as const }),
        signal: signal ? AbortSignal.any([begun.signal, signal]) : begun.signal,
      });
    } catch (cause) {
      const timedOut = signal?.reason instanceof DOMException && signal.reason.name === "TimeoutError";
      if (signal?.aborted && !timedOut) throw signal.reason;
      const reason = begun.signal.aborted
        ? begun.signal.reason
        : cause instanceof Error && cause.cause
          ? cause.cause
          : cause;
      throw new UnreachableError(
        `${baseUrl} does not answer: ${reason instanceof Error ? reason.message || reason.name : String(reason)}`,
        "Check that the API runs there: `tenantctl status`, or start it with `pnpm start`.",
        cause,
      );
    } finally {
      clearTimeout(timer);
    }
  };
};

/** A client for the whole contract. */
export const createClient = (options: ClientOptions): Client => {
  const { baseUrl, timeoutMs = 30_000 } = options;
  const request: Client["request"] = createAsk(options, options.fetch ?? fetch);

  const open: Client["open"] = async (id, call = {}) => {
    const shape: RouteShape = routes[id];
    const response = await request(shape.method, pathOf(shape.path, call.params, call.query), {
      ...(call.body === undefined ? {} : { body: call.body }),
      ...(call.upload === undefined ? {} : { upload: call.upload }),
      headers: {
        ...(call.upload === undefined || shape.upload === undefined ? {} : { "content-type": shape.upload }),
        ...(call.idempotencyKey === undefined ? {} : { "idempotency-key": call.idempotencyKey }),
      },
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    });
    const isDeclared =
      Object.hasOwn(shape.responses, response.status) && !response.headers.get("content-type")?.includes("problem");
    if (!response.ok && !isDeclared) throw await errorOf(response);
    return response;
  };

  return {
    request,
    open,
    call: async (id, call = {}) => {
      // The whole answer, body included, has the time limit; a long document is read through `open` instead.
      const limits = [
        ...(call.signal === undefined ? [] : [call.signal]),
        ...(call.upload === undefined ? [timeLimit(timeoutMs)] : []),
      ];
      const response = await open(id, { ...call, ...(limits.length === 0 ? {} : { signal: AbortSignal.any(limits) }) });
      const broken = (cause: unknown): never => {
        if (call.signal?.aborted) throw call.signal.reason;
        throw new UnreachableError(
          `${baseUrl} broke off its answer: ${cause instanceof Error ? cause.message : String(cause)}`,
          "Run the command again; if it repeats, look at the API's log.",
          cause,
        );
      };
      const text = await textWithin(response, limits).catch(broken);
      let data: ResultOf<Routes[typeof id]>;
      try {
        data = JSON.parse(text);
      } catch (cause) {
        return broken(cause);
      }
      return { data, status: response.status, headers: response.headers, next: nextCursor(response.headers) };
    },
  };
};
