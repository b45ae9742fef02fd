import { createHash } from "node:crypto";
import type { QueryConfig } from "pg";
import type { Statement } from "./context.ts";

const longestText = 8192;
const mostNames = 500;
const usesBeforeNaming = 3;

export interface StatementNames {
  /** The query as pg takes it, under a name (so prepared once per connection) when its text keeps coming back. */
  query(statement: Statement): QueryConfig;
  /**
   * The name for a pipeline, which prepares `begin` and `commit` as well; empty: it is not prepared. Another name than the one
   * under which pg prepares it by itself: neither knows of the other.
   */
  inPipeline(statement: Statement): string;
}

/**
 * Names statements by the hash of their text. Servers keep a prepared statement as long as its connection, so only texts seen
 * three times are named, and never more than 500.
 */
export function createStatementNames(enabled: boolean): StatementNames {
  const names = new Map<string, { readonly own: string; readonly inPipeline: string }>();
  const seen = new Map<string, number>();

  function nameOf(text: string): { readonly own: string; readonly inPipeline: string } | undefined {
    const known = names.get(text);
    if (known !== undefined || !enabled || text.length > longestText || names.size >= mostNames) {
      return known;
    }
    const uses = (seen.get(text) ?? 0) + 1;
    if (uses < usesBeforeNaming) {
      if (seen.size >= mostNames) {
        seen.clear();
      }
      seen.set(text, uses);
      return undefined;
    }
    seen.delete(text);
    const own = createHash("sha256").update(text).digest("base64url").slice(0, 24);
    const fresh = { own, inPipeline: `${own}-p` };
    names.set(text, fresh);
    return fresh;
  }

  return {
    query: (statement) => {
      const name = statement.plain ? undefined : nameOf(statement.sql)?.own;
      return {
        text: statement.sql,
        values: statement.parameters.map(writable),
        ...(name === undefined ? {} : { name }),
      };
    },
    inPipeline: (statement) => (statement.plain && !statement.fixed ? "" : (nameOf(statement.sql)?.inPipeline ?? "")),
  };
}

/** Turns objects into JSON here: were it to fail while pg sends, the statements sent along would be committed without this one. */
function writable(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(writable);
  }
  const plain = typeof value === "object" && value !== null && !ArrayBuffer.isView(value) && !(value instanceof Date);
  return plain ? JSON.stringify(value) : value;
}
