import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Manifest, writeArchive } from "@tenantctl/archive";
import { type ErrorCode, version } from "@tenantctl/contract";
import { problem, tenant } from "./fake-api.ts";

/** Answers one archive; `attempt` counts from 1 for each tenant. */
export type ArchiveAnswer = (response: ServerResponse, attempt: number, request: IncomingMessage) => void;

export interface ArchiveServer {
  readonly url: string;
  /** How this tenant's archive goes wrong ("system" is the system's); without it, it is right. */
  readonly on: (slug: string, answer: ArchiveAnswer) => void;
  /** How another call is answered: `POST /api/admin/backups/runs`. */
  readonly onCall: (key: string, answer: (response: ServerResponse, body: unknown) => void) => void;
  /** What the tenant itself is answered with, for a tenant that is gone. */
  readonly missing: Set<string>;
  /** Archives begun so far, by slug. */
  readonly attempts: Map<string, number>;
  /** Bodies of other calls than archives, by `METHOD /path`. */
  readonly calls: Map<string, unknown[]>;
  /** Who holds the lease now. */
  readonly holder: () => string | undefined;
  readonly mostAtOnce: () => number;
  readonly close: () => Promise<void>;
}

export const idOf = (index: number): string => `01890000-0000-7000-8000-${String(index).padStart(12, "0")}`;

export interface Content {
  readonly slug: string | null;
  readonly id: string;
  readonly rows?: number;
  /** Bytes of a name; it does not compress. */
  readonly size?: number;
  readonly at?: string;
  /** A false one lets a drill find a difference. */
  readonly digest?: string;
  /** What the tables need. */
  readonly ddl?: string;
}

/** Does not compress, and is the same each time. */
const noise = (seed: string, size: number): string => {
  let text = "";
  for (let turn = 0; text.length < size; turn += 1)
    text += createHash("sha256").update(`${seed} ${turn}`).digest("hex");
  return text.slice(0, size);
};

/** An archive as the API writes it: a table of customers, and one without rows. */
export const archiveOf = async ({
  slug,
  id,
  rows = 3,
  size = 10,
  at = "2026-01-01T00:00:00.000Z",
  digest,
  ddl: shared = "create schema if not exists shop;\n",
}: Content): Promise<Buffer> => {
  const text = Array.from({ length: rows }, (_, index) => `${index + 1}\t${noise(`${id} ${index}`, size)}\t\\N\n`).join(
    "",
  );
  const sha256 = (content: string): string => createHash("sha256").update(content).digest("hex");
  const column = (name: string, type: string, notNull = true): Manifest["tables"][number]["columns"][number] => ({
    name,
    type,
    notNull,
  });
  const source = (name: string, copy: string, counted: number, ddl: string, columns: ReturnType<typeof column>[]) => ({
    table: { name, columns, generatedColumns: [], primaryKey: ["id"] },
    ddl: { create: ddl, constraints: "" },
    copy: (async function* () {
      yield Buffer.from(copy);
    })(),
    facts: () => ({ rows: counted, digest: digest ?? sha256(copy) }),
  });
  const archive = writeArchive({
    tenant: slug === null ? null : { ...tenant(slug, { id }), id, slug },
    snapshot: { at, serverVersion: "18.4", migrations: ["0001_tenancy"] },
    ddl: shared,
    tables: [
      source(
        "shop.customers",
        text,
        rows,
        `create table shop.customers (tenant_id uuid not null default '${id}', id bigint not null, name text not null, note text, primary key (tenant_id, id));\n`,
        [column("id", "bigint"), column("name", "text"), column("note", "text", false)],
      ),
      source(
        "shop.orders",
        "",
        0,
        `create table shop.orders (tenant_id uuid not null default '${id}', id bigint not null, primary key (tenant_id, id));\n`,
        [column("id", "bigint")],
      ),
    ],
  });
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const sendProblem = (response: ServerResponse, code: ErrorCode, detail = `This is ${code}.`): void => {
  const { status = 500, body, headers } = problem(code, detail, "Wait.");
  response.writeHead(status, { "x-tenantctl-version": version, ...headers }).end(JSON.stringify(body));
};

export const refuse =
  (code: ErrorCode, headers: Record<string, string> = {}): ArchiveAnswer =>
  (response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    sendProblem(response, code);
  };

const bodyOf = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  return text === "" ? undefined : JSON.parse(text);
};

/** Lists tenants and archives them, and keeps the lease; each transfer can be made to go wrong in its own way. */
export const startArchiveServer = async (slugs: readonly string[]): Promise<ArchiveServer> => {
  const answers = new Map<string, ArchiveAnswer>();
  const callAnswers = new Map<string, (response: ServerResponse, body: unknown) => void>();
  const attempts = new Map<string, number>();
  const calls = new Map<string, unknown[]>();
  const missing = new Set<string>();
  const tenants = slugs.map((slug, index) => tenant(slug, { id: idOf(index) }));
  const headers = { "content-type": "application/json", "x-tenantctl-version": version };
  let lease: { id: string; holder: string; acquiredAt: string; expiresAt: string } | undefined;
  let leases = 0;
  let now = 0;
  let most = 0;

  const json = (response: ServerResponse, status: number, body: unknown): void =>
    void response.writeHead(status, headers).end(JSON.stringify(body));

  const leaseCall = (response: ServerResponse, method: string, id: string, body: unknown) => {
    if (method === "POST") {
      if (lease !== undefined) return sendProblem(response, "lease_held", `${lease.holder} holds the lock.`);
      const { holder } = body as { holder: string };
      leases += 1;
      const at = new Date().toISOString();
      lease = { id: idOf(900_000 + leases), holder, acquiredAt: at, expiresAt: at };
      return json(response, 201, lease);
    }
    if (lease?.id !== id) return sendProblem(response, "lease_lost");
    json(response, 200, lease);
    if (method === "DELETE") lease = undefined;
  };

  const archive = async (
    name: string | null,
    id: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const slug = name ?? "system";
    const attempt = (attempts.get(slug) ?? 0) + 1;
    attempts.set(slug, attempt);
    now += 1;
    most = Math.max(most, now);
    response.on("close", () => {
      now -= 1;
    });
    const answer = answers.get(slug);
    if (answer !== undefined) answer(response, attempt, request);
    else
      response
        .writeHead(200, { ...headers, "content-type": "application/x-tar" })
        .end(await archiveOf({ slug: name, id }));
  };

  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const method = request.method ?? "GET";
    const parts = pathname.split("/").map(decodeURIComponent);
    if (pathname === "/api/admin/system/archive") return archive(null, idOf(0), request, response);
    const found = tenants.find(({ id, slug }) => id === parts[4] || slug === parts[4]);
    if (parts[5] === "archive") {
      if (found === undefined) return sendProblem(response, "tenant_not_found");
      return archive(found.slug, found.id, request, response);
    }
    const body = await bodyOf(request);
    const key = `${method} ${pathname}`;
    calls.set(key, [...(calls.get(key) ?? []), body]);
    const given = callAnswers.get(key);
    if (given !== undefined) return given(response, body);
    if (pathname === "/api/admin/tenants") return json(response, 200, tenants);
    if (pathname.startsWith("/api/admin/backups/lease")) return leaseCall(response, method, parts[5] ?? "", body);
    if (key === "POST /api/admin/backups/runs") {
      const { items, ...run } = body as { items: { outcome: string }[] };
      const ok = items.filter(({ outcome }) => outcome === "ok").length;
      return json(response, 200, { finishedAt: null, exitCode: null, ...run, ok, failed: items.length - ok, bytes: 0 });
    }
    if (key === "GET /api/admin/holds") return json(response, 200, []);
    if (found === undefined || missing.has(found.slug)) return sendProblem(response, "tenant_not_found");
    json(response, 200, found);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the archive server has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    on: (slug, answer) => void answers.set(slug, answer),
    onCall: (key, answer) => void callAnswers.set(key, answer),
    missing,
    attempts,
    calls,
    holder: () => lease?.holder,
    mostAtOnce: () => most,
    close: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  };
};
