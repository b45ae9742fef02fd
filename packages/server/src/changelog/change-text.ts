import { changes } from "./changes.ts";

/** A row of the audit log, as far as the change log tells it. */
export interface AuditedChange {
  readonly action: string;
  readonly resourceType: string;
  readonly resource: string | null;
  readonly slug: string | null;
  readonly detail: string | null;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}

const longestValue = 60;
const mostFields = 6;
const longestText = 500;

const cut = (text: string, longest: number): string =>
  text.length <= longest ? text : `${[...text].slice(0, longest - 1).join("")}…`;

const valueText = (value: unknown): string => {
  if (value === undefined || value === null || value === "") return "none";
  return cut(typeof value === "string" ? value : JSON.stringify(value), longestValue);
};

/** `planName` → `plan name`. */
const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** What is empty from the beginning, or says what the change is about, says nothing. */
const isNews = (before: unknown, after: unknown, resource: string | null): boolean =>
  JSON.stringify(before ?? null) !== JSON.stringify(after ?? null) && (before !== undefined || after !== resource);

const fieldTexts = ({ before, after, resource }: AuditedChange): string => {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].filter((name) =>
    isNews(before?.[name], after?.[name], resource),
  );
  const told = names
    .slice(0, mostFields)
    .map((name) =>
      before === null
        ? `${words(name)} ${valueText(after?.[name])}`
        : `${words(name)} ${valueText(before[name])} → ${valueText(after?.[name])}`,
    );
  return [...told, ...(names.length > mostFields ? [`${names.length - mostFields} more`] : [])].join(", ");
};

/** One line that says what was changed. */
export const changeText = (row: AuditedChange): string => {
  const known = changes[row.resourceType]?.[row.action];
  const says = (known?.says ?? `${row.action} ${row.resourceType}`)
    .replaceAll("%t", () => row.slug ?? "the system")
    .replaceAll("%r", () => (row.resourceType === "quota" ? row.resource?.replaceAll("_", " ") : row.resource) ?? "");
  const fields = known?.fields === true ? fieldTexts(row) : "";
  // A reason that is a field, too, is told once.
  const detail = row.detail !== null && !fields.includes(row.detail) ? row.detail : "";
  return cut([says, fields, detail].filter((part) => part !== "").join(": "), longestText);
};
