import { slugPattern } from "./slug.ts";

/** One line of text without control characters: they reach terminals and spreadsheets. */
export const noControl = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";
/** The same, and something to be seen: a name of blanks cannot be found in a list. */
export const visible = "^ *[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$";
export const uuidForm = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";
export const emailForm = "^[^\\s@\\u0000-\\u001f]+@[^\\s@\\u0000-\\u001f]+$";
export const webAddressForm = "^[hH][tT][tT][pP][sS]?://[\\x21-\\x7e]+$";
export const noNul = "^[^\\u0000]*$";

/** What people are told that a text must be, by the pattern it does not match. */
const words: Readonly<Record<string, string>> = {
  [noControl]: "must be one line without control characters",
  [visible]: "must be one line with something to be seen, and without control characters",
  [uuidForm]: "must be an id such as 01890000-0000-7000-8000-000000000000",
  [emailForm]: "must be an e-mail address such as ann@example.com",
  [webAddressForm]: "must be an address such as https://example.com/hook",
  [noNul]: "must not hold the character NUL",
  [slugPattern]: "must be lower-case letters and digits, with single hyphens between them",
};

/** Says what a text must look like that does not match `pattern`. */
export const formWords = (pattern: unknown): string =>
  (typeof pattern === "string" ? words[pattern] : undefined) ?? "does not have the right form";
