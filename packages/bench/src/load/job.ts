/** One of the requests that a load repeats. */
export interface LoadRequest {
  readonly path: string;
  readonly token: string;
}

/** What a load is to do. Each connection sends its share of the requests again and again, one at a time. */
export interface LoadJob {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
  readonly method?: "GET" | "POST";
  /** Sent as JSON. */
  readonly body?: object;
  /** Connection n takes the n-th, and every `connections`-th one behind it. */
  readonly requests: readonly LoadRequest[];
}

/** What came of it. */
export interface LoadResult {
  /** Answers per second. */
  readonly perSecond: number;
  readonly answers: number;
  /** How many answers had which status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Connections that broke, and requests without an answer. */
  readonly errors: number;
  /** Milliseconds from a request to its answer. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}
