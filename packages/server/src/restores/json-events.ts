import { ArchiveError } from "@tenantctl/archive";

/** What a JSON document consists of; a value's text is never turned into a number, and a string is what stands in it. */
export type JsonEvent =
  | { readonly kind: "{" | "}" | "[" | "]" }
  | { readonly kind: "key" | "string" | "number" | "literal"; readonly text: string };

const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const literals = new Set(["true", "false", "null"]);
const word = /[-+.\w]*/y;
const blank = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what JSON forbids in strings
const control = /[\u0000-\u001f]/;
const loneSurrogate = /\p{Surrogate}/u;
const deepest = 100;

export const malformed = (what: string): ArchiveError =>
  new ArchiveError("archive_damaged", `the document is not a whole JSON export: ${what}`, "Export the tenant again.");

/** What may come next. */
type Expected = "value" | "value or ]" | "key" | "key or }" | ":" | ", or ]" | ", or }" | "end";

const stringOf = (raw: string): string => {
  if (!raw.includes("\\")) {
    if (control.test(raw)) throw malformed("a control character in a string");
    return raw;
  }
  try {
    const text: unknown = JSON.parse(`"${raw}"`);
    if (typeof text === "string" && !loneSurrogate.test(text)) return text;
  } catch {
    // said below
  }
  throw malformed("a string with an escape that JSON does not have");
};

/** Reads JSON as it comes, a few events for each piece; memory holds one value. Throws archive_damaged for what is no JSON. */
export async function* jsonEvents(chunks: AsyncIterable<string>): AsyncGenerator<JsonEvent[], void, undefined> {
  const open: ("{" | "[")[] = [];
  let expected: Expected = "value";
  let events: JsonEvent[] = [];
  /** A string that began in an earlier piece; undefined outside of strings. */
  let begun: string[] | undefined;
  let escaped = false;
  /** A number or word that may go on in the next piece. */
  let pending = "";

  const afterValue = (): void => {
    const inside = open.at(-1);
    expected = inside === undefined ? "end" : inside === "{" ? ", or }" : ", or ]";
  };
  const requireValue = (): void => {
    if (!expected.startsWith("value")) throw malformed(`a value where ${expected} belongs`);
  };
  const finishWord = (): void => {
    if (pending === "") return;
    const text = pending;
    pending = "";
    requireValue();
    if (literals.has(text)) events.push({ kind: "literal", text });
    else if (number.test(text)) events.push({ kind: "number", text });
    else throw malformed(`"${text.slice(0, 20)}" is no value`);
    afterValue();
  };
  const finishString = (raw: string): void => {
    const text = stringOf(raw);
    if (expected.startsWith("key")) {
      events.push({ kind: "key", text });
      expected = ":";
      return;
    }
    requireValue();
    events.push({ kind: "string", text });
    afterValue();
  };
  /** The place behind the string's end, or undefined where it goes on in the next piece. */
  const readString = (piece: string, start: number): number | undefined => {
    let at = escaped ? start + 1 : start;
    escaped = false;
    let slash = piece.indexOf("\\", at);
    for (;;) {
      const quote = piece.indexOf('"', at);
      while (slash !== -1 && slash < at) slash = piece.indexOf("\\", at);
      if (slash === -1 || (quote !== -1 && quote < slash)) {
        if (quote === -1) return undefined;
        finishString([...(begun ?? []), piece.slice(start, quote)].join(""));
        begun = undefined;
        return quote + 1;
      }
      at = slash + 2;
      if (at > piece.length) {
        escaped = true;
        return undefined;
      }
    }
  };
  const close = (kind: "}" | "]"): void => {
    const fits = kind === "}" ? ["key or }", ", or }"] : ["value or ]", ", or ]"];
    if (!fits.includes(expected)) throw malformed(`${kind} where ${expected} belongs`);
    open.pop();
    events.push({ kind });
    afterValue();
  };
  const mark = (character: string): void => {
    if (character === "{" || character === "[") {
      requireValue();
      if (open.length >= deepest) throw malformed("it is nested too deeply");
      open.push(character);
      events.push({ kind: character });
      expected = character === "{" ? "key or }" : "value or ]";
    } else if (character === "}" || character === "]") close(character);
    else if (character === ":" && expected === ":") expected = "value";
    else if (character === "," && expected === ", or }") expected = "key";
    else if (character === "," && expected === ", or ]") expected = "value";
    else throw malformed(`${JSON.stringify(character)} where ${expected} belongs`);
  };
  const read = (piece: string): void => {
    let at = 0;
    while (at < piece.length) {
      if (begun !== undefined) {
        const end = readString(piece, at);
        if (end === undefined) {
          begun.push(piece.slice(at));
          return;
        }
        at = end;
        continue;
      }
      word.lastIndex = at;
      const found = word.exec(piece)?.[0] ?? "";
      if (found !== "") {
        pending += found;
        at += found.length;
        if (pending.length > 1_000_000) throw malformed("a number without end");
        continue;
      }
      finishWord();
      blank.lastIndex = at;
      at += blank.exec(piece)?.[0].length ?? 0;
      const character = piece[at];
      if (character === undefined) return;
      at += 1;
      if (character === '"') begun = [];
      else if (!/[-+.\w]/.test(character)) mark(character);
      else at -= 1;
    }
  };

  const atEnd = (): boolean => expected === "end";

  for await (const piece of chunks) {
    read(piece);
    if (events.length > 0) {
      yield events;
      events = [];
    }
  }
  finishWord();
  if (begun !== undefined || !atEnd()) throw malformed("it ends before its end");
  if (events.length > 0) yield events;
}

/** Events one after another. */
export interface JsonReader {
  /** The next event; throws archive_damaged at the document's end. */
  next(): Promise<JsonEvent>;
  /** What has been read already, to be taken without waiting; undefined where there is none just now. */
  ready(): JsonEvent | undefined;
  /** True at the document's end. */
  ended(): Promise<boolean>;
}

export const jsonReader = (chunks: AsyncIterable<string>): JsonReader => {
  const batches = jsonEvents(chunks);
  let batch: JsonEvent[] = [];
  let at = 0;
  const fill = async (): Promise<boolean> => {
    while (at >= batch.length) {
      const more = await batches.next();
      if (more.done === true) return false;
      batch = more.value;
      at = 0;
    }
    return true;
  };
  const ready = (): JsonEvent | undefined => {
    const event = batch[at];
    if (event !== undefined) at += 1;
    return event;
  };
  return {
    ready,
    ended: async () => !(await fill()),
    async next() {
      const event = ready() ?? ((await fill()) ? ready() : undefined);
      if (event === undefined) throw malformed("it ends before its end");
      return event;
    },
  };
};
