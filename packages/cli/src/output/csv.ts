import { stringify } from "csv-stringify/sync";
import { valueAt } from "./column.ts";

/**
 * Rows as RFC 4180 CSV with a header of property names; nested values as JSON. A text that a spreadsheet would take for
 * a formula gets a ' in front.
 */
export const csvText = (rows: readonly unknown[], properties: readonly string[]): string =>
  stringify(
    rows.map((row) =>
      properties.map((property) => {
        const value = valueAt(row, property);
        return typeof value === "object" && value !== null ? JSON.stringify(value) : value;
      }),
    ),
    {
      header: true,
      columns: [...properties],
      escape_formulas: true,
      cast: { boolean: (value) => String(value) },
    },
  );
