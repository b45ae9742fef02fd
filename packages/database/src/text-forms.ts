import pg from "pg";

/** How values look as text; pinned, for a database's or a role's own settings must not change what leaves or comes back. */
const textForms = {
  timezone: "UTC",
  datestyle: "ISO, YMD",
  intervalstyle: "iso_8601",
  extra_float_digits: "1",
  bytea_output: "hex",
  xmlbinary: "base64",
  xmloption: "content",
  lc_monetary: "C",
  search_path: "pg_catalog",
};

/** For the transaction they run in. */
export const textFormSettings: readonly string[] = Object.entries(textForms).map(
  ([name, value]) => `set local ${name} = ${pg.escapeLiteral(value)}`,
);

/** The same as one string. */
export const pinTextForms: string = textFormSettings.join("; ");
