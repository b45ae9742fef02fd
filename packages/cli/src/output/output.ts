import type { Settings } from "../settings.ts";
import { cleanLine, cleanText } from "./clean.ts";
import type { Column } from "./column.ts";
import { elementsOf, indented, oneLine } from "./json-text.ts";
import { createPaint, type Paint } from "./paint.ts";

export interface ListOptions {
  readonly columns: readonly Column[];
  /** Property names of a row, for CSV: a header even where there are no rows. */
  readonly properties: readonly string[];
  /** Said on stderr where there are no rows. */
  readonly empty: string;
}

export interface RecordOptions {
  readonly cells: readonly Column[];
  /** What people are shown; everything unless said. */
  readonly shown?: readonly string[] | undefined;
  readonly properties: readonly string[];
}

/** Data on stdout, talk on stderr. */
export interface Output {
  /** People read this directly: a terminal, and the table format. */
  readonly forPeople: boolean;
  /** Columns of the terminal that stdout is; undefined in a pipe, where nothing is cut. */
  readonly width: number | undefined;
  /** Rows, as the JSON texts of the arrays that the API gave, page by page. */
  list(pages: readonly string[], options: ListOptions): Promise<void>;
  /** One record, as the JSON text that the API gave. */
  record(text: string, options: RecordOptions): Promise<void>;
  /** Text of the command's own making; it must be safe to print. */
  text(text: string): void;
  /** One line of talk on stderr. */
  note(line: string): void;
  /** Colours for stdout and for stderr. */
  paint(stream: "stdout" | "stderr"): Promise<Paint>;
}

/** Output to this process's stdout and stderr. */
export const createOutput = (settings: Settings): Output => {
  const { stdout, stderr } = process;
  const tty = stdout.isTTY === true;
  const width = tty ? Math.max(20, stdout.columns || 80) : undefined;
  const write = (text: string): void => void stdout.write(text === "" || text.endsWith("\n") ? text : `${text}\n`);
  // On a terminal a data format is read by people too.
  const writeData = (text: string): void => write(tty ? cleanText(text) : text);
  const paint = async (stream: "stdout" | "stderr"): Promise<Paint> => {
    return createPaint(settings.colour && process[stream].isTTY === true);
  };
  const note = (line: string): void => void stderr.write(`${cleanText(line)}\n`);

  const csv = async (rows: readonly unknown[], properties: readonly string[]): Promise<string> => {
    const { csvText } = await import("./csv.ts");
    return csvText(rows, properties);
  };
  const yaml = async (value: unknown): Promise<string> => {
    const { stringify } = await import("yaml");
    return stringify(value, { lineWidth: 0 });
  };

  return {
    forPeople: tty && settings.output === "table",
    width,
    text: write,
    note,
    paint,
    list: async (pages, { columns, properties, empty }) => {
      const [first = "[]"] = pages;
      switch (settings.output) {
        case "json": {
          const text = pages.length === 1 ? first : `[${pages.flatMap(elementsOf).join(",")}]`;
          return writeData(tty ? indented(text) : text);
        }
        case "jsonl":
          return writeData(pages.flatMap(elementsOf).join("\n"));
        case "csv":
          return writeData(await csv(rowsOf(pages), properties));
        case "yaml":
          return writeData(await yaml(rowsOf(pages)));
        case "table": {
          const rows = rowsOf(pages);
          if (rows.length === 0) return note(empty);
          const { tableText } = await import("./table.ts");
          const { text, dropped } = tableText(rows, columns, await paint("stdout"), width);
          write(text);
          if (dropped > 0)
            note(`(${dropped} more ${dropped === 1 ? "column" : "columns"} in a wider window or with -o json)`);
        }
      }
    },
    record: async (text, { cells, properties, shown }) => {
      switch (settings.output) {
        case "json":
          return writeData(tty ? indented(text) : text);
        case "jsonl":
          return writeData(oneLine(text));
        case "csv": {
          const data: unknown = JSON.parse(text);
          return writeData(await csv([data], properties));
        }
        case "yaml":
          return writeData(await yaml(JSON.parse(text)));
        case "table": {
          const { recordText } = await import("./record.ts");
          const all = JSON.parse(text) as Readonly<Record<string, unknown>>;
          const data = shown === undefined ? all : Object.fromEntries(shown.map((key) => [key, all[key]]));
          write(recordText(data, cells, await paint("stdout"), width));
        }
      }
    },
  };
};

const rowsOf = (pages: readonly string[]): unknown[] =>
  pages.flatMap((page) => {
    const rows: unknown = JSON.parse(page);
    return Array.isArray(rows) ? rows : [rows];
  });

/** For talk that repeats what somebody typed. */
export const quoted = (text: string): string => `"${cleanLine(text)}"`;
