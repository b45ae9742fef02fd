import { type BodyOf, isFreeSlug, type RouteShape, type Routes, routes, slugOfName } from "@tenantctl/contract";
import { quoted } from "../output/output.ts";

/** What one row asks for. Its slug is always said, so that a second run finds the tenant that the first one made. */
export type TenantRow = BodyOf<Routes["tenants.provision"]> & { readonly slug: string };

/** The parts of JSON Schema that a text of this route's body has. */
interface Node {
  readonly anyOf?: readonly Node[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

interface Column {
  readonly name: string;
  readonly required: boolean;
  readonly maxLength: number;
  readonly form: RegExp;
}

const provision: RouteShape = routes["tenants.provision"];
const body = provision.body as { readonly properties: Readonly<Record<string, Node>> };
const optional = new Set(["slug", "adminPassword"]);

/** Columns that a file may have, from the route's body. */
const columns: readonly Column[] = Object.entries(body.properties).map(([name, node]) => {
  const { maxLength = Number.POSITIVE_INFINITY, pattern = "" } = node.anyOf?.find((part) => part.pattern) ?? node;
  return { name, required: !optional.has(name), maxLength, form: new RegExp(pattern, "u") };
});
export const columnNames: readonly string[] = columns.map(({ name }) => name);

/** What is wrong with the columns of a file: each row would have the same fault. `plan`: for rows that name none. */
export const headFault = (names: readonly string[], plan: string | undefined): string | undefined => {
  const unknown = names.filter((name) => !columnNames.includes(name));
  if (unknown.length > 0)
    return `names ${unknown.map((name) => quoted(name.slice(0, 60))).join(", ")}; the columns are ${columnNames.join(", ")}`;
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return `names the column ${twice} twice`;
  const missing = columns.filter(
    ({ name, required }) => required && !names.includes(name) && !(name === "plan" && plan !== undefined),
  );
  return missing.length === 0 ? undefined : `names no column ${missing.map(({ name }) => name).join(", ")}`;
};

const forms: Readonly<Record<string, string>> = {
  slug: "takes lower-case words and hyphens",
  contactEmail: "takes an e-mail",
  adminEmail: "takes an e-mail",
  plan: "names a plan",
};

/** What is wrong with one value, or undefined. A password is not repeated. */
const faultOf = ({ name, maxLength, form }: Column, text: string): string | undefined => {
  if ([...text].length > maxLength) return `${name} is longer than ${maxLength} characters`;
  if (form.test(text)) return undefined;
  const what = forms[name];
  return what === undefined ? `${name} has a control character` : `${name} ${what}, not ${quoted(text.slice(0, 60))}`;
};

export interface CheckOptions {
  /** For rows that name none. */
  readonly plan: string | undefined;
  /** All there are; undefined: left to the API. */
  readonly plans: ReadonlySet<string> | undefined;
}

/** The tenant that a row asks for, or all that is wrong with it. Blanks around values are dropped, except a password's. */
export const tenantRow = (
  values: Readonly<Record<string, unknown>>,
  { plan, plans }: CheckOptions,
): TenantRow | readonly string[] => {
  const faults: string[] = [];
  const texts = new Map<string, string>();
  for (const name of Object.keys(values))
    if (!columnNames.includes(name)) faults.push(`${quoted(name)} is none of ${columnNames.join(", ")}`);
  for (const column of columns) {
    const { name } = column;
    const value = values[name] ?? "";
    if (typeof value !== "string") {
      faults.push(`${name} takes a text`);
      continue;
    }
    const text = (name === "adminPassword" ? value : value.trim()) || (name === "plan" && plan) || "";
    if (text === "") {
      if (column.required) faults.push(`${name} is missing`);
      continue;
    }
    const fault = faultOf(column, text);
    if (fault === undefined) texts.set(name, text);
    else faults.push(fault);
  }
  const text = (name: string): string => texts.get(name) ?? "";
  if (plans !== undefined && texts.has("plan") && !plans.has(text("plan")))
    faults.push(`there is no plan ${quoted(text("plan"))}`);
  const slug = texts.get("slug") ?? slugOfName(text("name"));
  if (texts.has("slug") && !isFreeSlug(text("slug"))) faults.push(`the slug ${quoted(text("slug"))} is reserved`);
  if (slug === undefined && texts.has("name"))
    faults.push(`slug is missing, and none can be made from ${quoted(text("name").slice(0, 60))}`);
  if (faults.length > 0 || slug === undefined) return faults;
  return {
    name: text("name"),
    slug,
    contactEmail: text("contactEmail"),
    adminName: text("adminName"),
    adminEmail: text("adminEmail"),
    adminPassword: texts.get("adminPassword") ?? null,
    plan: text("plan"),
  };
};
