import { createHash } from "node:crypto";
import type { QueryConfig } from "pg";
import type { Statement } from "./context.ts";
import type { Sent } from "./pipeline.ts";

const longestText = 8192;
const mostNames = 500;
const usesBeforeNaming = 3;

export interface StatementNames {
  /** The query as pg takes it, under a name (so prepared once per connection) when its text keeps coming back. */
  query(statement: Statement): QueryConfig;
  /** The same for a pipeline, which prepares `begin` and `commit` as well. */
  sent(statement: Statement): Sent;
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

  const named = ({ sql, parameters }: Statement, name: string | undefined) => ({
    text: sql,
    values: parameters.map(writable),
    ...(name === undefined ? {} : { name }),
  });

  return {
    query: (statement) => named(statement, statement.plain ? undefined : nameOf(statement.sql)),
    sent: (statement) => {
      const name = statement.plain && !statement.fixed ? undefined : nameOf(statement.sql);
      // Another name than the one under which pg prepares it by itself: neither knows of the other.
      return { ...named(statement, name && `${name}-p`), silent: statement.plain === true };
    },
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
