/** One record of a CSV file, with the number of the line that it begins in. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/** Where a file can be read no further, and why. */
export class FormFault extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** Longest record, in characters: an open quote must not swallow the file. */
export const longestRecord = 65_536;

/**
 * The records of an RFC 4180 file, commas and double quotes, with any line end; blank lines are left out. Throws FormFault
 * where a quote is misplaced or left open. Text may come in pieces of any size.
 */
export async function* csvRecords(text: AsyncIterable<string>): AsyncGenerator<CsvRecord> {
  let line = 1;
  let begun = 1;
  let length = 0;
  let fields: string[] = [];
  let field = "";
  let state: "start" | "plain" | "quoted" | "closed" = "start";
  let afterReturn = false;

  const endField = (): void => {
    fields.push(field);
    field = "";
    state = "start";
  };
  const endRecord = (): CsvRecord | undefined => {
    const blank = fields.length === 0 && state === "start";
    if (!blank) endField();
    const record = { line: begun, fields };
    fields = [];
    length = 0;
    return blank ? undefined : record;
  };

  for await (const piece of text) {
    for (const character of piece) {
      const isBreak = character === "\n" || character === "\r";
      // "\r\n" is one line's end.
      const second = character === "\n" && afterReturn;
      afterReturn = character === "\r";
      if (state === "quoted") {
        if (isBreak && !second) line += 1;
        length += 1;
        if (length > longestRecord) throw new FormFault(begun, "is too long for a row: a quote may be left open");
        if (character === '"') state = "closed";
        else field += character;
        continue;
      }
      if (second) {
        begun = line;
        continue;
      }
      if (isBreak) {
        const record = endRecord();
        line += 1;
        begun = line;
        if (record !== undefined) yield record;
        continue;
      }
      length += 1;
      if (length > longestRecord) throw new FormFault(begun, "is too long for a row");
      if (character === ",") endField();
      else if (character === '"' && state === "start") state = "quoted";
      else if (character === '"' && state === "closed") {
        // Two quotes within a quoted value stand for one.
        field += character;
        state = "quoted";
      } else if (character === '"') throw new FormFault(line, "has a quote in a value that is not quoted");
      else if (state === "closed") throw new FormFault(line, "goes on behind a closing quote");
      else {
        field += character;
        state = "plain";
      }
    }
  }
  if (state === "quoted") throw new FormFault(begun, "has a quote that is never closed");
  const last = endRecord();
  if (last !== undefined) yield last;
}
