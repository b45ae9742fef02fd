/** Characters of a message that are looked at, and that are kept. */
const mostRead = 4000;
const mostKept = 300;

/**
 * What may come from a request is replaced, so that a message can be kept and the same fault has the same message whoever meets
 * it: addresses, quoted words, values in brackets, ids, numbers, whatever looks like a key. Control characters, and marks that
 * turn the direction of text, become blanks.
 */
const replacements: readonly (readonly [RegExp, string])[] = [
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to find
  [/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+/gu, " "],
  [/[a-z][a-z0-9+.-]{1,15}:\/\/\S+/gi, "<url>"],
  [/[^\s@"`<>()=,;:]{1,64}@[^\s@'"`<>(),;:]{1,255}/g, "<email>"],
  [/=\([^)]*\)?/g, "=(…)"],
  // A quote within a word ends nothing (O'Brien), and begins nothing (can't). One that is cut off goes to the end.
  [/(?<![\p{L}\p{N}])"(?:[^"]|"(?=[\p{L}\p{N}]))*(?:"|$)/gu, '"…"'],
  [/(?<![\p{L}\p{N}])'(?:[^']|'(?=[\p{L}\p{N}]))*(?:'|$)/gu, "'…'"],
  [/(?<![\p{L}\p{N}])`(?:[^`]|`(?=[\p{L}\p{N}]))*(?:`|$)/gu, "`…`"],
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, "<id>"],
  [/[\w+/=-]{24,}/g, "<…>"],
  [/[\p{L}_]*\p{N}[\p{L}\p{N}_]*/gu, "#"],
  [/#(?:[.:,-]#)+/g, "#"],
  [/ {2,}/g, " "],
];

/** A message without the values in it, one line, bounded. */
export const plainMessage = (text: string): string => {
  let plain = text.slice(0, mostRead);
  for (const [pattern, replacement] of replacements) plain = plain.replace(pattern, replacement);
  plain = plain.trim();
  return plain.length > mostKept ? `${plain.slice(0, mostKept - 1)}…` : plain;
};
