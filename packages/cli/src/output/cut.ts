import { textWidth } from "./text-width.ts";

let segmenter: Intl.Segmenter | undefined;
/** Letters as people count them. */
const lettersOf = (text: string): string[] => {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
};

/** The text in at most `width` columns of a terminal, where wide letters take two; what is cut off ends with `…`. */
export const cut = (text: string, width: number): string => {
  if (textWidth(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const segment of lettersOf(text)) {
    const next = textWidth(segment);
    if (used + next > width - 1) break;
    kept += segment;
    used += next;
  }
  return width < 1 ? "" : `${kept}…`;
};

/** Longer words than this give way first. */
const longWord = 24;

/** One word in at most `width` columns, its end kept: names that are told apart by their end stay so. */
const shortWord = (word: string, width: number): string => {
  if (textWidth(word) <= width) return word;
  const tail = lettersOf(word).slice(-6).join("");
  return `${cut(word, width - textWidth(tail))}${tail}`;
};

/** Likewise a sentence: its long words (names, mostly) are shortened before its end is cut off. */
export const cutSentence = (text: string, width: number): string =>
  textWidth(text) <= width
    ? text
    : cut(
        text
          .split(" ")
          .map((word) => shortWord(word, longWord))
          .join(" "),
        width,
      );
