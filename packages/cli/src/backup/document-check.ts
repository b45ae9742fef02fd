import { UnreachableError } from "@tenantctl/contract";

/** What an export says about itself. */
export interface ExportFacts {
  readonly tenant: { readonly id: string; readonly slug: string };
  /** Rows by table. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Watches a document go by, with flat memory. */
export interface DocumentCheck {
  add(chunk: Uint8Array): void;
  /** What it was, if it was one whole export; else an UnreachableError: the transfer was cut, or something else came. */
  finish(): ExportFacts;
}

/** More than a tenant's record or the list of tables ever takes. */
const edgeBytes = 1_048_576;
const tablesBegin = '"tables":{';
const countsBegin = '},"counts":';

const byte = { quote: 0x22, backslash: 0x5c, openBrace: 0x7b, closeBrace: 0x7d, openBracket: 0x5b, closeBracket: 0x5d };
/** A row of a table: an object in an array in `tables` in the document. */
const rowDepth = 3;

const notWhole = (detail: string): UnreachableError =>
  new UnreachableError(
    `what came is not a whole export: ${detail}`,
    "Run it again; if it repeats, look at the API's log and at proxies on the way.",
  );

const factsOf = (text: string): ExportFacts | undefined => {
  try {
    const { format, tenant, counts }: { format?: unknown; tenant?: ExportFacts["tenant"]; counts?: unknown } =
      JSON.parse(text);
    if (typeof format !== "string" || !format.startsWith("tenantctl-export/")) return undefined;
    if (typeof tenant?.id !== "string" || typeof tenant.slug !== "string") return undefined;
    if (typeof counts !== "object" || counts === null) return undefined;
    const rows = Object.entries(counts).filter(([, count]) => Number.isSafeInteger(count));
    return { tenant: { id: tenant.id, slug: tenant.slug }, counts: Object.fromEntries(rows) };
  } catch {
    return undefined;
  }
};

/**
 * HTTP alone does not tell a whole document from a cut one: a proxy may end a connection in order. So the braces are
 * followed to the last one, and the rows are counted against the numbers at the document's end.
 */
export const createDocumentCheck = (): DocumentCheck => {
  let depth = 0;
  let inString = false;
  let escaped = false;
  let rows = 0;
  let closed = false;
  let trailing = false;
  let head = Buffer.alloc(0);
  let tail: Uint8Array[] = [];
  let tailBytes = 0;

  const scan = (chunk: Uint8Array): void => {
    for (const value of chunk) {
      if (inString) {
        if (escaped) escaped = false;
        else if (value === byte.backslash) escaped = true;
        else if (value === byte.quote) inString = false;
      } else if (value === byte.quote) inString = true;
      else if (value === byte.openBrace || value === byte.openBracket) {
        if (depth === 0 && closed) trailing = true;
        if (depth === rowDepth && value === byte.openBrace) rows += 1;
        depth += 1;
      } else if (value === byte.closeBrace || value === byte.closeBracket) {
        depth -= 1;
        closed ||= depth === 0;
      }
    }
  };

  return {
    add: (chunk) => {
      scan(chunk);
      if (head.length < edgeBytes && !head.includes(tablesBegin)) head = Buffer.concat([head, chunk]);
      tail.push(chunk);
      tailBytes += chunk.length;
      while (tailBytes - (tail[0]?.length ?? 0) > edgeBytes) tailBytes -= tail.shift()?.length ?? 0;
    },
    finish: () => {
      if (!closed || depth !== 0 || inString || trailing) throw notWhole("it ends in the middle");
      const end = Buffer.concat(tail);
      tail = [];
      const from = head.indexOf(tablesBegin);
      const to = end.lastIndexOf(countsBegin);
      // Without what is in the tables, the rest is small and can be parsed.
      const text = from < 0 || to < 0 ? "" : `${head.toString("utf8", 0, from)}"tables":{${end.toString("utf8", to)}`;
      const facts = factsOf(text);
      if (facts === undefined) throw notWhole("it is no tenantctl export");
      const counted = Object.values(facts.counts).reduce((sum, count) => sum + count, 0);
      if (counted !== rows) throw notWhole(`it says ${counted} rows and holds ${rows}`);
      return facts;
    },
  };
};
