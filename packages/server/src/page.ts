import { ContractError } from "@tenantctl/contract";

/** Rows of a list that has no `limit`. */
export const defaultPageSize = 100;

/** Keys of the last row of a page, opaque to callers. */
export const encodeCursor = (keys: readonly string[]): string =>
  Buffer.from(JSON.stringify(keys)).toString("base64url");

/** The keys inside a cursor. Throws invalid_cursor unless it holds exactly the strings that `shape` accepts. */
export const decodeCursor = (cursor: string, shape: readonly RegExp[]): string[] => {
  try {
    const keys: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (
      Array.isArray(keys) &&
      keys.length === shape.length &&
      keys.every((key, index): key is string => typeof key === "string" && shape[index]?.test(key) === true)
    ) {
      return keys;
    }
  } catch {
    // Falls through to the one refusal below.
  }
  throw new ContractError(
    "invalid_cursor",
    "The cursor was not made by this list.",
    "Take the cursor from the Link header of the page before, with the same filters and sort.",
  );
};

export const uuidShape = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
export const timeShape = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
export const anyText = /^[^\0]*$/s;

/** `Link: <…>; rel="next"` for the page that begins after these keys. */
export const nextLink = (
  path: string,
  query: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): Record<string, string> => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && name !== "cursor") search.append(name, String(value));
  }
  search.append("cursor", encodeCursor(keys));
  return { link: `<${path}?${search}>; rel="next"` };
};

/** Splits limit + 1 rows into the page and whether there are more. */
export const cutPage = <T>(rows: readonly T[], limit: number): { page: T[]; last: T | undefined } => {
  const page = rows.slice(0, limit);
  return { page, last: rows.length > limit ? page.at(-1) : undefined };
};
