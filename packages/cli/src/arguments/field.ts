import type { RouteShape } from "@tenantctl/contract";

/** The parts of JSON Schema that the contract's requests use. */
interface Node {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Node[];
  readonly items?: Node;
  readonly format?: string;
  readonly description?: string;
  readonly writeOnly?: boolean;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
}

export type Place = "params" | "query" | "body";

/** One property of a route's request, as the command line sees it. */
export interface Field {
  readonly name: string;
  readonly place: Place;
  /** Without the dashes: `contact-email`. */
  readonly flag: string;
  readonly kind: "text" | "integer" | "number" | "duration" | "boolean" | "choice" | "time" | "list";
  readonly choices: readonly string[];
  readonly nullable: boolean;
  readonly required: boolean;
  readonly secret: boolean;
  readonly help: string;
}

/** `contactEmail` → `contact-email`. */
export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
/** `contact-email` → `contactEmail`. */
export const camel = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** Seconds in the API are durations such as 5m for people: `forSeconds` is `--for 5m`. */
const seconds = /(?<=.)Seconds$/;

const kindOf = (node: Node, name: string): Field["kind"] => {
  if (node.enum) return "choice";
  if (node.type === "array") return "list";
  if (node.type === "integer") return seconds.test(name) ? "duration" : "integer";
  if (node.type === "number") return "number";
  if (node.type === "boolean") return "boolean";
  return node.format === "date-time" ? "time" : "text";
};

const fieldOf = (name: string, place: Place, outer: Node, required: boolean, secrets: readonly string[]): Field => {
  const nullable = outer.anyOf?.some(({ type }) => type === "null") ?? false;
  const node = outer.anyOf?.find(({ type }) => type !== "null") ?? outer;
  return {
    name,
    place,
    // Wherever a tenant is named, the flag is --tenant.
    flag: name === "tenantId" ? "tenant" : kebab(name.replace(seconds, "")),
    kind: kindOf(node, name),
    choices: node.enum ?? node.items?.enum ?? [],
    nullable,
    required,
    secret: node.writeOnly === true || secrets.includes(name),
    help: outer.description ?? node.description ?? "",
  };
};

/** Every property of a route's params, query and body; the paging cursor is the CLI's own business. */
export const fieldsOf = (shape: RouteShape, secrets: readonly string[] = []): Field[] =>
  (["params", "query", "body"] as const).flatMap((place) => {
    const node = (shape[place] ?? {}) as Node;
    return Object.entries(node.properties ?? {})
      .filter(([name]) => name !== "cursor")
      .map(([name, property]) => fieldOf(name, place, property, node.required?.includes(name) ?? false, secrets));
  });

/** Names of the properties of a record in the route's answers (of a row, for a list). */
export const answerProperties = (shape: RouteShape): string[] => {
  const names = Object.values(shape.responses).flatMap((schema) => {
    const node = schema as Node;
    return Object.keys((node.items ?? node).properties ?? {});
  });
  return [...new Set(names)];
};
