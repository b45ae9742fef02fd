export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * Bounds for what an answer holds where the contract names none: the server's own statement and body limits keep every
 * answer far below them, and readers may allocate by them.
 */
const longestText = 1_048_576;
const mostItems = 1_000_000;
const mostProperties = 100_000;
const anyNumber = { minimum: -Number.MAX_VALUE, maximum: Number.MAX_VALUE };

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const bounds: Readonly<Record<string, (schema: JsonSchema) => JsonSchema>> = {
  string: (schema) => {
    const { pattern, format, maxLength, ...rest } = schema;
    if ("enum" in schema || "const" in schema) return rest;
    return {
      ...rest,
      maxLength: maxLength ?? longestText,
      ...(format === undefined ? { pattern: pattern ?? "^[\\s\\S]*$" } : { format }),
    };
  },
  array: ({ items, additionalItems: _, ...rest }) =>
    // A tuple, which TypeBox writes as JSON Schema had it before 2020.
    Array.isArray(items)
      ? { ...rest, prefixItems: items, items: {}, maxItems: items.length }
      : { ...rest, items, maxItems: rest.maxItems ?? mostItems },
  integer: (schema) => ({
    minimum: Number.MIN_SAFE_INTEGER,
    maximum: Number.MAX_SAFE_INTEGER,
    ...schema,
    format: "int64",
  }),
  number: (schema) => ({ ...anyNumber, ...schema, format: "double" }),
  object: (schema) =>
    schema.additionalProperties === false
      ? schema
      : {
          ...schema,
          additionalProperties: schema.additionalProperties ?? {},
          maxProperties: schema.maxProperties ?? mostProperties,
        },
};

const bounded = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(bounded);
  if (!isRecord(schema)) return schema;
  // TypeBox writes records as patternProperties; which keys there are, nobody knows before.
  const { patternProperties, ...plain } = schema;
  const record = isRecord(patternProperties) ? { additionalProperties: Object.values(patternProperties)[0] } : {};
  const given: JsonSchema = { ...plain, ...record };
  const inner = Object.fromEntries(
    Object.entries(given).map(([key, value]) => {
      if (key === "properties" && isRecord(value)) {
        return [key, Object.fromEntries(Object.entries(value).map(([name, property]) => [name, bounded(property)]))];
      }
      return [key, ["items", "anyOf", "oneOf", "allOf", "additionalProperties"].includes(key) ? bounded(value) : value];
    }),
  );
  // An enumeration of texts may come without its type.
  const type = inner.type ?? (Array.isArray(inner.enum) || typeof inner.const === "string" ? "string" : undefined);
  const typed = type === undefined ? inner : { ...inner, type };
  return typeof type === "string" ? (bounds[type]?.(typed) ?? typed) : typed;
};

/** A contract schema as OpenAPI 3.1 has it: the same, with a bound on everything. */
export const openApiSchema = (schema: object): JsonSchema => bounded(JSON.parse(JSON.stringify(schema))) as JsonSchema;
