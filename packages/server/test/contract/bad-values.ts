import type { RouteShape } from "@tenantctl/contract";

/** The part of a JSON schema that the tests look at. */
export interface Part {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly anyOf?: readonly Part[];
  readonly items?: Part;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Part>>;
}

/** A schema of the contract's as plain data. */
export const partOf = (schema: RouteShape["body"]): Part => (schema === undefined ? { properties: {} } : schema);

/** The alternatives of a value that may be null, without null; or the one that there is. */
const alternatives = (part: Part): readonly Part[] => part.anyOf ?? [part];
const kindOf = (part: Part): string => (part.enum === undefined ? (part.type ?? "any") : "enum");

const wrongStrings = [
  '"\\u0000"',
  '"before\\u0000after"',
  `"${"x".repeat(100_000)}"`,
  "1",
  "true",
  "{}",
  '["x"]',
  '{"$ne": ""}',
  '{"toString": "x"}',
];

/** JSON texts that no field of this kind takes. */
const wrong: Readonly<Record<string, readonly string[]>> = {
  string: wrongStrings,
  enum: [...wrongStrings, '"unknown"', '"__proto__"', '"constructor"', '""'],
  "date-time": [...wrongStrings, '"yesterday"', '"2024-13-01T00:00:00Z"', '"2024-02-30T00:00:00Z"', '"1700000000"'],
  integer: [
    "1.5",
    "1e400",
    "-1e400",
    "1e308",
    "9007199254740993",
    "-9007199254740993",
    '"1"',
    "true",
    "{}",
    "[]",
    "[1]",
  ],
  number: ["1e400", "-1e400", "1e308", '"1"', "true", "{}", "[]", "[1]"],
  boolean: ['"true"', "1", "0", "{}", "[true]"],
  object: ['"x"', "1", "true", "[]", '{"unknownField": 1}', '{"$ne": ""}', '{"toString": "x"}'],
  array: ['"x"', "1", "{}", "[1]", "[null]", "[[]]", '["unknown"]', "[]", JSON.stringify(Array(100_000).fill("x"))],
};

/** JSON texts that this field of a body must not take. */
export const wrongFor = (part: Part): readonly string[] => {
  const parts = alternatives(part);
  const [first] = parts.filter(({ type }) => type !== "null");
  if (first === undefined) throw new Error("a field that is only null");
  const known = wrong[first.format ?? kindOf(first)];
  if (known === undefined) throw new Error(`no wrong values for ${kindOf(first)}`);
  const mayBeEmpty = first.type === "array" && (first.minItems ?? 0) === 0;
  // What is in an array of names, a handler looks up: a name that nothing has is no wrong field.
  const anyText = first.items?.type === "string" && first.items.enum === undefined;
  const found = known.filter((text) => !((mayBeEmpty && text === "[]") || (anyText && text === '["unknown"]')));
  return parts.some(({ type }) => type === "null") ? found : [...found, "null"];
};

const longText = "x".repeat(3000);

/** What stands in a URL, by kind, that no parameter takes. */
const wrongInUrl: Readonly<Record<string, readonly string[]>> = {
  string: ["%00", "a%00b", "%ff", "%ED%A0%80", longText, ""],
  enum: ["%00", "unknown", "__proto__", "constructor", ""],
  "date-time": ["%00", "yesterday", "2024-13-01T00:00:00Z", "2024-02-30T00:00:00Z", "0000-00-00T00:00:00Z", "1"],
  integer: ["%00", "abc", "1.5", "1e400", "-1", "0", "99999999999999999999", "NaN", "1,2", "null"],
  number: ["%00", "abc", "1e400", "1e308", "NaN", "1,2", "0x", "null", ""],
  boolean: ["%00", "yes", "TRUE", "null"],
};

/** Encoded texts that this parameter of a query must not take. */
export const wrongInQuery = (name: string, part: Part): readonly string[] => {
  const found = wrongInUrl[part.format ?? kindOf(part)];
  if (found === undefined) throw new Error(`no wrong values for ${name}`);
  if (name !== "cursor") return found;
  const made = (keys: unknown) => Buffer.from(JSON.stringify(keys)).toString("base64url");
  const id = "01890000-0000-7000-8000-000000000001";
  return [
    ...found,
    "AAAA",
    made(null),
    made({ length: 2 }),
    made([]),
    made(["x"]),
    made([1, 2]),
    made(["a\0b", id]),
    made(["2024-99-99T99:99:99.999Z", id]),
    made(["2024-01-01T00:00:00.000Z", "' or 1=1 --"]),
  ];
};

/** Encoded parts of a path that name nothing. */
export const wrongInPath: readonly string[] = [
  "not-an-id",
  "%00",
  "a%00b",
  "%ff",
  "%",
  "%zz",
  "%ED%A0%80",
  "..%2F..%2Fetc%2Fpasswd",
  "%20",
  "x".repeat(150),
  "x".repeat(5000),
  "01890000-0000-7000-8000-00000000000g",
  "01890000000070008000000000000001",
  "{01890000-0000-7000-8000-000000000001}",
  encodeURIComponent("'; drop table app.users; --"),
  encodeURIComponent("O'Brien; --"),
];
