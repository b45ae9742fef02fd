import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Manifest, verifyArchive } from "@tenantctl/archive";
import { type ErrorCode, version } from "@tenantctl/contract";
import { archiveOf } from "./archive-server.ts";
import { details, problem, tenant } from "./fake-api.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What came with one upload. */
export interface Uploaded {
  readonly query: Readonly<Record<string, string>>;
  readonly manifest: Manifest;
}

export interface RestoreServer {
  readonly url: string;
  /** Tenants that are there, by slug: their ids. */
  readonly tenants: Map<string, string>;
  readonly uploads: Uploaded[];
  /** What an upload is answered with, instead of the operation that has succeeded. */
  readonly on: (
    answer: (upload: Uploaded, count: number) => { status?: number; body: unknown } | ErrorCode | undefined,
  ) => void;
  /** What an operation is answered with, one after the other; the last one stays. */
  readonly operations: Fields[];
  /** Archives are refused before any of them is read. */
  refuseUnread: ErrorCode | undefined;
  readonly close: () => Promise<void>;
}

export const operationId = "01890000-0000-7000-8000-0000000000aa";

/** An operation as the API shows it. */
export const operation = (more: Fields = {}): Fields => ({
  id: operationId,
  kind: "restore",
  tenantId: null,
  tenantSlug: null,
  status: "succeeded",
  plan: {},
  progress: {},
  result: null,
  error: null,
  errorCode: null,
  requestedBy: "op",
  createdAt: "2026-01-01T00:00:00.000Z",
  startedAt: "2026-01-01T00:00:00.000Z",
  finishedAt: "2026-01-01T00:00:00.000Z",
  ...more,
});

/** The proof that a restore of this archive gives. */
export const proofOf = (manifest: Manifest, slug: string): Fields => ({
  tenantId: "01890000-0000-7000-8000-0000000000bb",
  slug,
  tables: Object.fromEntries(manifest.tables.map(({ name, rows, digest }) => [name, { rows, digest, equal: true }])),
  seconds: 0.1,
});

const diffOf = (manifest: Manifest): Fields => ({
  tables: Object.fromEntries(
    manifest.tables.map(({ name, rows }) => [name, { added: rows, removed: 0, changed: 0, same: 1 }]),
  ),
});

/** An API as far as restores need it, which can be made to refuse, to take its time and to lie. */
export const startRestoreServer = async (tenants: Readonly<Record<string, string>> = {}): Promise<RestoreServer> => {
  const present = new Map(Object.entries(tenants));
  const uploads: Uploaded[] = [];
  const operations: Fields[] = [];
  let answerUpload: Parameters<RestoreServer["on"]>[0] = () => undefined;
  const headers = { "content-type": "application/json", "x-tenantctl-version": version };
  const json = (response: ServerResponse, status: number, body: unknown): void =>
    void response.writeHead(status, headers).end(JSON.stringify(body));
  const refuse = (response: ServerResponse, code: ErrorCode): void => {
    const answer = problem(code, `This is ${code}.`, "Wait.");
    response.writeHead(answer.status ?? 500, { ...headers, ...answer.headers }).end(JSON.stringify(answer.body));
  };

  const upload = async (url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (result.refuseUnread !== undefined) return refuse(response, result.refuseUnread);
    const { manifest } = await verifyArchive(request);
    const uploaded = { query: Object.fromEntries(url.searchParams), manifest };
    uploads.push(uploaded);
    const given = answerUpload(uploaded, uploads.length);
    if (typeof given === "string") return refuse(response, given);
    if (given !== undefined) return json(response, given.status ?? 200, given.body);
    const slug = uploaded.query.slug ?? manifest.tenant?.slug ?? "";
    const done = uploaded.query.dryRun === "true" ? diffOf(manifest) : proofOf(manifest, slug);
    json(response, 200, operation({ result: done }));
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const parts = url.pathname.split("/").map(decodeURIComponent);
    const key = `${request.method} ${url.pathname}`;
    if (key === "POST /api/admin/restores")
      return upload(url, request, response).catch((error: unknown) => response.destroy(error as Error));
    for await (const _ of request);
    if (parts[3] === "operations") {
      const next = operations.length > 1 ? operations.shift() : operations[0];
      return json(response, 200, next ?? operation());
    }
    if (key === "POST /api/admin/backups/runs")
      return json(response, 200, { runId: "r", kind: "backup", repository: "", host: "", ok: 1, failed: 0, bytes: 1 });
    if (url.pathname === "/api/admin/system/archive" || parts[5] === "archive") {
      const [slug, id] = [...present].find((entry) => entry.includes(parts[4] ?? "")) ?? [null, ""];
      response.writeHead(200, { ...headers, "content-type": "application/x-tar" });
      return response.end(await archiveOf({ slug: parts[5] === "archive" ? slug : null, id, rows: 7 }));
    }
    const found = [...present].find(([slug, id]) => slug === parts[4] || id === parts[4]);
    if (parts[3] !== "tenants" || found === undefined) return refuse(response, "tenant_not_found");
    json(response, 200, { ...details(found[0]), ...tenant(found[0], { id: found[1] }) });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the restore server has no port");
  const result: RestoreServer = {
    url: `http://127.0.0.1:${address.port}`,
    tenants: present,
    uploads,
    on: (answer) => {
      answerUpload = answer;
    },
    operations,
    refuseUnread: undefined,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return result;
};
