import { createHash } from "node:crypto";
import type { QueryConfig } from "pg";

const longestText = 8192;
const mostNames = 500;
const usesBeforeNaming = 3;

export interface StatementNames {
  /** The query as pg takes it, under a name (so prepared once per connection) when its text keeps coming back. */
  query(sql: string, parameters: readonly unknown[]): QueryConfig;
}

/**
 * Names statements by the hash of their text. Servers keep a prepared statement as long as its connection, so only texts seen
 * three times are named, and never more than 500.
 */
export function createStatementNames(enabled: boolean): StatementNames {
  const names = new Map<string, string>();
  const seen = new Map<string, number>();

  function nameOf(text: string): string | undefined {
    const name = names.get(text);
    if (name !== undefined || !enabled || text.length > longestText || names.size >= mostNames) {
      return name;
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
    const fresh = createHash("sha256").update(text).digest("base64url").slice(0, 24);
    names.set(text, fresh);
    return fresh;
  }

  return {
    query(text, parameters) {
      const name = nameOf(text);
      return { text, values: [...parameters], ...(name === undefined ? {} : { name }) };
    },
  };
}
