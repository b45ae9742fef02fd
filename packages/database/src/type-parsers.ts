import pg from "pg";

const { builtins } = pg.types;
const int8Array = 1016;

function exactInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(`${text} is too large for a number; read it as text`);
  }
  return value;
}

const parsers = new Map<number, (text: string) => unknown>([
  [builtins.INT8, exactInteger],
  [
    int8Array,
    (text) =>
      text === "{}"
        ? []
        : text
            .slice(1, -1)
            .split(",")
            .map((item) => (item === "NULL" ? null : exactInteger(item))),
  ],
  // A Date would move the day by the time zone of the process.
  [builtins.DATE, (text) => text],
]);

/** pg's parsers, but for bigint (a number, or an error where it would not be exact) and date (its text). */
export const typeParsers: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    (format === "binary" ? undefined : parsers.get(oid)) ?? pg.types.getTypeParser(oid, format),
};
