let exact: ((text: string) => number) | undefined;

const isPlain = (text: string): boolean => /^[\x20-\x7e\n]*$/.test(text);

/**
 * Loads what measures letters beyond ASCII, where `texts` has any, or always: it takes a good part of the time that a short
 * command has. To be awaited before such texts are measured.
 */
export const prepareWidths = async (texts?: string): Promise<void> => {
  if (texts === undefined || !isPlain(texts)) exact ??= (await import("string-width")).default;
};

/** Columns of a terminal that a text takes; wide letters take two. */
export const textWidth = (text: string): number =>
  isPlain(text) || exact === undefined ? [...text].length : exact(text);
