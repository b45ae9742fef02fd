import { decodeRowText, type OpenArchive, splitRows } from "@tenantctl/archive";
import type { FittingTable } from "./fit-tables.ts";
import { unsupported } from "./restore-fault.ts";

/** A table's rows as text, as many at a time as come out of one part's piece. Throws archive_unsupported for one of another width. */
export async function* archivedRows(
  archive: OpenArchive,
  { archived }: Pick<FittingTable, "archived">,
): AsyncGenerator<(string | null)[][], void, undefined> {
  const width = archived.columns.length;
  for await (const lines of splitRows(archive.table(archived.name))) {
    yield lines.map((line) => {
      // A row of no columns is an empty line, not one empty field.
      const fields = width === 0 ? [] : decodeRowText(line);
      if (fields.length === width) return fields;
      throw unsupported(`A row of ${archived.name} has ${fields.length} fields, not ${width}.`, "Use another backup.");
    });
  }
}
