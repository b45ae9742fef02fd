import picocolors from "picocolors";

/** Colours; without them the text as it is. */
export type Paint = Readonly<Record<"green" | "yellow" | "red" | "dim" | "bold" | "cyan", (text: string) => string>>;

export const createPaint = (enabled: boolean): Paint => picocolors.createColors(enabled);
