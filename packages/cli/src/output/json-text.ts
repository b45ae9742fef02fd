/**
 * JSON as text, so that what the API wrote is printed as it was written: no number passes through a double, no key is
 * moved. Input is JSON that has parsed.
 */
const tokens = (text: string): string[] => text.match(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];

const opens = (token: string): boolean => token === "{" || token === "[";
const closes = (token: string): boolean => token === "}" || token === "]";

/** The texts of an array's elements, each on one line. */
export const elementsOf = (text: string): string[] => {
  const elements: string[] = [];
  let depth = 0;
  let current = "";
  for (const token of tokens(text)) {
    if (closes(token)) depth -= 1;
    if (depth > 0 && !(depth === 1 && token === ",")) current += token;
    const ended = depth === 1 && token === ",";
    if ((ended || depth === 0) && current !== "") {
      elements.push(current);
      current = "";
    }
    if (opens(token)) depth += 1;
  }
  return elements;
};

/** The same JSON on one line. */
export const oneLine = (text: string): string => tokens(text).join("");

/** The same JSON, two spaces a level, for reading. */
export const indented = (text: string): string => {
  let depth = 0;
  let out = "";
  let previous = "";
  for (const token of tokens(text)) {
    const line = `\n${"  ".repeat(closes(token) ? depth - 1 : depth)}`;
    if (closes(token)) {
      depth -= 1;
      out += opens(previous) ? token : line + token;
    } else {
      out += opens(previous) || previous === "," ? line + token : previous === ":" ? ` ${token}` : token;
      if (opens(token)) depth += 1;
    }
    previous = token;
  }
  return out;
};
