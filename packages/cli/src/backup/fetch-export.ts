import { createHash } from "node:crypto";
import { exitCodes } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import type { Api } from "../session/api.ts";
import { createDocumentCheck, type ExportFacts } from "./document-check.ts";
import { readBody } from "./read-body.ts";

/** A transfer that came whole. */
export interface Exported extends ExportFacts {
  readonly bytes: number;
  /** Of the document, in hex. */
  readonly sha256: string;
}

export interface FetchOptions {
  /** Id or slug; without it, the tenant whose login this is. */
  readonly tenant: string | undefined;
  /** For messages, where it is not how the tenant is named. */
  readonly name?: string;
  readonly stallMs: number;
  readonly signal?: AbortSignal;
  readonly write: (chunk: Uint8Array) => Promise<void>;
}

/**
 * Streams a tenant's export into `write`. Returns only when it came whole and is that tenant's; throws otherwise, and
 * what was written then is good for nothing.
 */
export const fetchExport = async (api: Api, options: FetchOptions): Promise<Exported> => {
  const { tenant, name = tenant, stallMs, signal, write } = options;
  const check = createDocumentCheck();
  const hash = createHash("sha256");
  let bytes = 0;
  await readBody(
    (stop) => api.send("tenants.export", { query: tenant === undefined ? {} : { tenantId: tenant } }, { signal: stop }),
    { what: name === undefined ? "the export" : `the export of ${name}`, stallMs, ...(signal ? { signal } : {}) },
    async (chunk) => {
      check.add(chunk);
      hash.update(chunk);
      bytes += chunk.length;
      await write(chunk);
    },
  );
  const facts = check.finish();
  if (tenant !== undefined && facts.tenant.slug !== tenant && facts.tenant.id !== tenant.toLowerCase())
    throw new CliError(
      "wrong_tenant",
      exitCodes.unexpected,
      `${tenant} was asked for and the data of ${facts.tenant.slug} (${facts.tenant.id}) came`,
      "Nothing was kept. Look for a cache between here and the API; if there is none, report it at once.",
    );
  return { ...facts, bytes, sha256: hash.digest("hex") };
};
