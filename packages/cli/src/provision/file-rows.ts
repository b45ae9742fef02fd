import { camel } from "../arguments/field.ts";
import { csvRecords, FormFault, longestRecord } from "./csv-records.ts";

/** A row's values as its file has them, by property, or why there are none. */
export type FileRow =
  | { readonly line: number; readonly values: Readonly<Record<string, unknown>> }
  | { readonly line: number; readonly fault: string };

/** What is wrong with the columns that a CSV file's first line names. */
type HeadFault = (columns: readonly string[]) => string | undefined;

async function* textOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  const decoded = (piece?: Uint8Array): string => {
    try {
      return piece === undefined ? decoder.decode() : decoder.decode(piece, { stream: true });
    } catch {
      throw new FormFault(line, "or one soon after it is not UTF-8");
    }
  };
  for await (const piece of bytes) {
    const text = decoded(piece);
    yield text;
    line += text.split("\n").length - 1;
  }
  yield decoded();
}

async function* lines(text: AsyncIterable<string>): AsyncGenerator<{ line: number; text: string }> {
  let line = 0;
  let open = "";
  for await (const piece of text) {
    const parts = (open + piece).split("\n");
    open = parts.pop() ?? "";
    for (const part of parts) {
      line += 1;
      yield { line, text: part };
    }
    if (open.length > longestRecord) throw new FormFault(line + 1, "is too long for a row");
  }
  yield { line: line + 1, text: open };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

async function* jsonRows(text: AsyncIterable<string>): AsyncGenerator<FileRow> {
  for await (const { line, text: row } of lines(text)) {
    if (row.trim() === "") continue;
    try {
      const value: unknown = JSON.parse(row);
      yield isObject(value)
        ? { line, values: Object.fromEntries(Object.entries(value).map(([key, item]) => [camel(key), item])) }
        : { line, fault: "is not a JSON object" };
    } catch {
      yield { line, fault: "is not JSON" };
    }
  }
}

async function* csvRows(text: AsyncIterable<string>, headFault: HeadFault): AsyncGenerator<FileRow> {
  let columns: string[] | undefined;
  for await (const { line, fields } of csvRecords(text)) {
    if (columns === undefined) {
      columns = fields.map((name) => camel(name.trim()));
      const fault = headFault(columns);
      if (fault !== undefined) throw new FormFault(line, fault);
      continue;
    }
    if (fields.length !== columns.length) {
      yield { line, fault: `has ${fields.length} values where the first line names ${columns.length} columns` };
      continue;
    }
    yield { line, values: Object.fromEntries(columns.map((name, index) => [name, fields[index] ?? ""])) };
  }
}

/**
 * The rows of a file of JSON lines, or else of CSV with a first line that names the columns; what begins with `{` is the
 * former. Columns and properties are named as in the API or as flags. Throws FormFault where no more can be read.
 */
export async function* fileRows(bytes: AsyncIterable<Uint8Array>, headFault: HeadFault): AsyncGenerator<FileRow> {
  const text = textOf(bytes);
  let head = "";
  for (;;) {
    const { done, value } = await text.next();
    if (done === true) break;
    head += value;
    if (head.trim() !== "") break;
  }
  const whole = async function* (): AsyncGenerator<string> {
    yield head;
    yield* text;
  };
  yield* head.trimStart().startsWith("{") ? jsonRows(whole()) : csvRows(whole(), headFault);
}
