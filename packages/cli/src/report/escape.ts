import { cleanLine } from "../output/clean.ts";

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for HTML, in elements and in quoted attributes: what tenants typed is shown, and never obeyed. */
export const escapeHtml = (text: string): string =>
  cleanLine(text).replace(/[&<>"']/g, (character) => entities[character] ?? character);

/** Text for Markdown: nothing in it becomes a link, markup or another cell. */
export const escapeMarkdown = (text: string): string =>
  cleanLine(text)
    .replace(/[\\`*_{}[\]()#+!|~$]/g, "\\$&")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/^(\s*)(\d+)\./, "$1$2\\.")
    .replace(/^(\s*)-/, "$1\\-")
    .replace(/(https?|ftp):\/\//gi, "$1&#58;//")
    .replace(/@/g, "&#64;");
