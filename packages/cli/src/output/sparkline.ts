/** A sparkline's letters from least to most; which a terminal can show, its locale says. */
const blocks = "▁▂▃▄▅▆▇█";
const ascii = "_.-=+*#@";

/** Whether the terminal's locale is UTF-8. */
export const isUtf8 = ({ LC_ALL, LC_CTYPE, LANG }: NodeJS.ProcessEnv): boolean =>
  /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");

/** The values in at most `width` groups of neighbours; a group without any value is null. */
const grouped = (
  values: readonly (number | null)[],
  width: number,
  join: (group: readonly number[]) => number,
): (number | null)[] => {
  const size = Math.max(1, Math.ceil(values.length / width));
  return Array.from({ length: Math.ceil(values.length / size) }, (_, index) => {
    const group = values.slice(index * size, (index + 1) * size).filter((value) => value !== null);
    return group.length === 0 ? null : join(group);
  });
};

/**
 * Values over time as one line of at most `width` letters, from 0 to the greatest; a blank is no value. Neighbours share a
 * letter where there are more values than letters: their greatest.
 */
export const sparkline = (values: readonly (number | null)[], width: number, utf8: boolean): string => {
  const letters = [...(utf8 ? blocks : ascii)];
  const shown = grouped(values, Math.max(1, width), (group) => Math.max(...group));
  const most = Math.max(0, ...shown.map((value) => value ?? 0));
  return shown
    .map((value) => {
      if (value === null) return " ";
      const level = most === 0 ? 0 : Math.ceil((value / most) * (letters.length - 1));
      return letters[level] ?? " ";
    })
    .join("");
};
