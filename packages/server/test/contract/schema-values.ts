import { Ajv } from "ajv";
import formats from "ajv-formats";
import fc from "fast-check";
import type { Part } from "./bad-values.ts";

const ajv = new Ajv({ strict: true, strictTypes: false });
formats.default(ajv, ["date-time"]);

/** Whether a value is one that the schema takes. */
export const validatorOf = (part: Part): ((value: unknown) => boolean) => {
  const validate = ajv.compile(part);
  return (value) => validate(value);
};

/** Half a character: JSON can carry it, a text can't. */
const halfPair = /\p{Surrogate}/u;

/** Texts that have been trouble somewhere; a schema takes those of them that it can. */
const troublesome = [
  "O'Brien; --",
  "'; drop table app.users; --",
  "=cmd|' /C calc'!A0",
  " ",
  "   a   ",
  "\u00a0",
  "\u200b",
  "\u202egnp.exe",
  "İstanbul",
  "ǅ",
  "ﬁ",
  "\u0958".repeat(50),
  "\u0958".repeat(200),
  "e\u0301".repeat(100),
  "𝒳".repeat(50),
  "👩‍👩‍👧‍👦",
  "\ufeff",
  "\uffff",
  "null",
  "undefined",
  "__proto__",
  "constructor",
  "<script>alert(1)</script>",
  "x".repeat(50),
  "x".repeat(128),
  "x".repeat(200),
  "x".repeat(254),
  "x".repeat(10_000),
  "a@b",
  "'@\"",
  "İ@İ",
  `${"x".repeat(252)}@x`,
  `${"İ".repeat(252)}@x`,
  "reset_x",
  "01890000-0000-7000-8000-000000000001",
  "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
  "password-of-everybody",
  "basic",
  "enterprise",
  "\r\n\t",
  "/etc/passwd",
  "..",
];

const times = [
  "0000-01-01T00:00:00Z",
  "0001-01-01T00:00:00.000Z",
  "1970-01-01T00:00:00Z",
  "2016-12-31T23:59:60Z",
  "2024-02-29T12:00:00.123456789+14:00",
  "2024-01-01t00:00:00z",
  "2024-01-01 00:00:00Z",
  "9999-12-31T23:59:59.999999-23:59",
  "9999-12-31T23:59:59Z",
];

/** A filter that says so when it lets nothing through: fast-check would look for a value for ever. */
const within = <V>(values: fc.Arbitrary<V>, takes: (value: V) => boolean, what: unknown): fc.Arbitrary<V> => {
  let refused = 0;
  return values.filter((value) => {
    if (takes(value)) {
      refused = 0;
      return true;
    }
    refused += 1;
    if (refused > 10_000) throw new Error(`10,000 values in a row were none for ${JSON.stringify(what)}`);
    return false;
  });
};

const textOf = (part: Part): fc.Arbitrary<string> => {
  const takes = validatorOf(part);
  const fits = (text: string): boolean => takes(text) && !halfPair.test(text);
  const known = [...troublesome, ...times].filter(fits);
  const made: fc.Arbitrary<string>[] = known.length > 0 ? [fc.constantFrom(...known)] : [];
  if (fits("O'Brien; --")) made.push(within(fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }), fits, part));
  else if (part.pattern !== undefined) made.push(within(fc.stringMatching(new RegExp(part.pattern)), fits, part));
  if (part.format === "date-time") {
    const year = 365 * 86_400_000;
    const days = fc.date({ min: new Date(0), max: new Date(Date.now() + 50 * year), noInvalidDate: true });
    made.push(days.map((date) => date.toISOString()));
  }
  return fc.oneof(...made);
};

const numberOf = ({ minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER }: Part) =>
  fc.oneof(
    fc.constantFrom(minimum, maximum),
    fc.integer({ min: Math.max(minimum, -(2 ** 31)), max: Math.min(maximum, 2 ** 31 - 1) }),
  );

/** Values that a schema of the contract takes. */
export const valuesOf = (part: Part): fc.Arbitrary<unknown> => {
  if (part.enum !== undefined) return fc.constantFrom(...part.enum);
  if (part.anyOf !== undefined) return fc.oneof(...part.anyOf.map(valuesOf));
  switch (part.type) {
    case "string":
      return textOf(part);
    case "integer":
      return numberOf(part);
    case "number":
      return fc.double({ min: part.minimum ?? -1e308, max: part.maximum ?? 1e308, noNaN: true });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return fc.array(valuesOf(part.items ?? {}), { minLength: part.minItems ?? 0, maxLength: 5 });
    case "object":
      return objectOf(part);
    default:
      throw new Error(`no values for ${JSON.stringify(part)}`);
  }
};

/** Objects that a closed schema takes, with any of the fields that may be left out. */
export const objectOf = ({ properties = {}, required = [] }: Part): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, valuesOf(part)])), {
    requiredKeys: [...required],
  });
