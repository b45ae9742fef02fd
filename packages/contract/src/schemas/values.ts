import Type, { type TSchema } from "typebox";
import { emailForm, noControl, noNul, uuidForm, visible } from "../form-words.ts";
import { slugPattern } from "../slug.ts";

/** Values that many routes share. */
export const Uuid = (description: string) =>
  Type.String({
    description,
    pattern: uuidForm,
    minLength: 36,
    maxLength: 36,
  });

export const Line = (description: string, maxLength = 200, minLength = 1) =>
  Type.String({ description, minLength, maxLength, pattern: visible });

/** Several lines of text: tabs and line breaks are fine, NUL is not (PostgreSQL has no place for it). */
export const Text = (description: string, maxLength: number) => Type.String({ description, maxLength, pattern: noNul });

export const Email = (description: string) =>
  Type.String({
    description,
    minLength: 3,
    maxLength: 254,
    pattern: emailForm,
  });

/** Checked against the policy by the server, which can say what is wrong; here only what no policy allows. */
export const Password = (description: string) =>
  Type.String({ description, minLength: 1, maxLength: 128, pattern: noNul, writeOnly: true });

export const Secret = (description: string, maxLength = 2048) =>
  Type.String({ description, minLength: 1, maxLength, pattern: "^[\\x21-\\x7e]+$" });

export const Time = (description: string) => Type.String({ description, format: "date-time", maxLength: 40 });

export const Count = (description: string) =>
  Type.Integer({ description, minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const OneOf = <const V extends readonly [string, ...string[]]>(values: V, description: string) =>
  Type.Enum<[...V]>([...values], { description });

/** A closed object: unknown fields are refused in requests and never leave in answers. */
export const Closed = <P extends Record<string, TSchema>>(properties: P, options: { description?: string } = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options });

export const ListOf = <T extends TSchema>(items: T, maxItems = 1_000_000) => Type.Array(items, { maxItems });

export const Slug = (description: string) =>
  Type.String({ description, pattern: slugPattern, minLength: 2, maxLength: 63 });

/** A tenant's id or slug, as people type it. What is neither is simply not found. */
export const TenantRef = Type.String({
  description: "A tenant's id or slug",
  minLength: 1,
  maxLength: 100,
  pattern: noControl,
});

export const TenantQuery = Type.Optional(TenantRef);

export const Limit = (maximum = 1000) =>
  Type.Optional(Type.Integer({ description: "How many rows at the most", minimum: 1, maximum }));

export const Cursor = Type.Optional(
  Type.String({
    description: "Where the next page starts: taken from the Link header",
    minLength: 1,
    // Room for a name of 200 characters of four bytes each.
    maxLength: 2048,
    pattern: "^[A-Za-z0-9_-]+$",
  }),
);

export const DryRun = Type.Optional(
  Type.Boolean({ description: "Only say what would happen; nothing is changed or audited" }),
);

export const Reason = Type.Optional(Line("Why, for the audit log", 500));
