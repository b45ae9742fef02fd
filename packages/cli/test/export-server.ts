import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type ErrorCode, version } from "@tenantctl/contract";
import { problem, tenant } from "./fake-api.ts";

/** Answers one export; `attempt` counts from 1 for each tenant. */
export type ExportAnswer = (response: ServerResponse, attempt: number, request: IncomingMessage) => void;

export interface ExportServer {
  readonly url: string;
  /** How this tenant's export goes wrong; without it, it is right. */
  readonly on: (slug: string, answer: ExportAnswer) => void;
  /** What the tenant itself is answered with, for a tenant that is gone. */
  readonly missing: Set<string>;
  /** Exports begun so far, by slug. */
  readonly attempts: Map<string, number>;
  readonly mostAtOnce: () => number;
  readonly close: () => Promise<void>;
}

export const idOf = (index: number): string => `01890000-0000-7000-8000-${String(index).padStart(12, "0")}`;

/** An export as the API writes it, with so many customers of about `size` bytes. */
export const documentOf = (slug: string, id: string, customers = 2, size = 10): string => {
  const rows = Array.from({ length: customers }, (_, index) => ({
    id: idOf(index),
    name: `${"x".repeat(size)} "},{[`,
  }));
  const head = { format: "tenantctl-export/1", exportedAt: "2026-01-01T00:00:00.000Z", tenant: tenant(slug, { id }) };
  const body = { exactText: { customers: ["balance"] }, tables: { customers: rows, users: [] } };
  return `${JSON.stringify({ ...head, ...body, counts: { customers, users: 0 } })}\n`;
};

const sendProblem = (response: ServerResponse, code: ErrorCode): void => {
  const { status = 500, body, headers } = problem(code, `This is ${code}.`, "Wait.");
  response.writeHead(status, { "x-tenantctl-version": version, ...headers }).end(JSON.stringify(body));
};

export const refuse =
  (code: ErrorCode, headers: Record<string, string> = {}): ExportAnswer =>
  (response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    sendProblem(response, code);
  };

/** Lists tenants and exports them; each transfer can be made to go wrong in its own way. */
export const startExportServer = async (slugs: readonly string[]): Promise<ExportServer> => {
  const answers = new Map<string, ExportAnswer>();
  const attempts = new Map<string, number>();
  const missing = new Set<string>();
  const tenants = slugs.map((slug, index) => tenant(slug, { id: idOf(index) }));
  let now = 0;
  let most = 0;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const reference = url.searchParams.get("tenantId") ?? decodeURIComponent(url.pathname.split("/").at(-1) ?? "");
    const found = tenants.find(({ id, slug }) => id === reference || slug === reference);
    const headers = { "content-type": "application/json", "x-tenantctl-version": version };
    if (url.pathname === "/api/admin/tenants")
      return void response.writeHead(200, headers).end(JSON.stringify(tenants));
    if (found === undefined) return sendProblem(response, "tenant_not_found");
    if (url.pathname !== "/api/tenants/export") {
      if (missing.has(found.slug)) return sendProblem(response, "tenant_not_found");
      return void response.writeHead(200, headers).end(JSON.stringify(found));
    }
    const attempt = (attempts.get(found.slug) ?? 0) + 1;
    attempts.set(found.slug, attempt);
    now += 1;
    most = Math.max(most, now);
    response.on("close", () => {
      now -= 1;
    });
    const answer = answers.get(found.slug);
    if (answer !== undefined) return answer(response, attempt, request);
    response.writeHead(200, headers).end(documentOf(found.slug, found.id));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    on: (slug, answer) => void answers.set(slug, answer),
    missing,
    attempts,
    mostAtOnce: () => most,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
