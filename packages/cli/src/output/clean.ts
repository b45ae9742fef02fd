/**
 * What tenants typed reaches operators' terminals: control characters, and marks that reverse the direction of text,
 * are written out instead of obeyed.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to find
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

const written = (character: string): string =>
  named[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** One line that is safe to print. */
export const cleanLine = (text: string): string => text.replace(unsafe, written);

/** Several lines that are safe to print; in JSON what is written out is the same value. */
export const cleanText = (text: string): string =>
  text.replace(unsafe, (character) => (character === "\n" || character === "\t" ? character : written(character)));
