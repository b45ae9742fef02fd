import stringWidth from "string-width";

const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The text in at most `width` columns of a terminal, where wide letters take two; what is cut off ends with `…`. */
export const cut = (text: string, width: number): string => {
  if (stringWidth(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const { segment } of letters.segment(text)) {
    const next = stringWidth(segment);
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
  const tail = [...letters.segment(word)]
    .slice(-6)
    .map(({ segment }) => segment)
    .join("");
  return stringWidth(word) <= width ? word : `${cut(word, width - stringWidth(tail))}${tail}`;
};

/** Likewise a sentence: its long words (names, mostly) are shortened before its end is cut off. */
export const cutSentence = (text: string, width: number): string =>
  stringWidth(text) <= width
    ? text
    : cut(
        text
          .split(" ")
          .map((word) => shortWord(word, longWord))
          .join(" "),
        width,
      );
