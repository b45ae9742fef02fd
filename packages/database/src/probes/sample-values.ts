import { randomUUID } from "node:crypto";
import type { ProbeColumn, ProbeConstraint } from "./reachable-relations.ts";

/** A value as jsonb_populate_record takes it: mostly text in the form that the type reads. */
export type SampleValue = string | number | boolean | null | object;

const texts = [
  "canary",
  "a",
  "A",
  "0",
  "1",
  "abc",
  "ABC",
  "USD",
  "DE",
  "en",
  "en-GB",
  "123",
  "12345",
  "canary@example.com",
  "https://example.com/",
  "+491234567890",
  "#aabbcc",
  "192.0.2.1",
  "2024-01-01",
  "1.0.0",
  "/canary",
  "Europe/Berlin",
  "0123456789abcdef0123456789abcdef",
  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
  "",
];
const numbers = ["1", "0", "2", "10", "100", "1000", "-1", "0.5"];
const days = ["2024-01-01", "2024-02-01", "2030-01-01", "2000-01-01"];
const instants = days.map((day) => `${day} 00:00:00+00`);
const uuids = () => [randomUUID(), randomUUID()];

/** By the name of the type, without its length. */
const byType: Readonly<Record<string, () => readonly SampleValue[]>> = {
  uuid: uuids,
  boolean: () => [true, false],
  smallint: () => numbers,
  integer: () => numbers,
  bigint: () => numbers,
  numeric: () => numbers,
  real: () => numbers,
  "double precision": () => numbers,
  money: () => ["1", "0", "100"],
  oid: () => ["1"],
  date: () => days,
  "timestamp with time zone": () => instants,
  "timestamp without time zone": () => instants,
  "time without time zone": () => ["12:00:00", "18:00:00"],
  "time with time zone": () => ["12:00:00+00"],
  interval: () => ["1 day", "0", "1 hour", "1 month"],
  json: () => [{}, [], "canary", { a: 1 }],
  jsonb: () => [{}, [], "canary", { a: 1 }],
  bytea: () => [`\\x${"ab".repeat(32)}`, "\\x", `\\x${"ab".repeat(16)}`, `\\x${"ab".repeat(20)}`],
  inet: () => ["192.0.2.1"],
  cidr: () => ["192.0.2.0/24"],
  macaddr: () => ["08:00:2b:01:02:03"],
  macaddr8: () => ["08:00:2b:01:02:03:04:05"],
  point: () => ["(0,0)"],
  line: () => ["{1,1,1}"],
  lseg: () => ["[(0,0),(1,1)]"],
  box: () => ["(1,1),(0,0)"],
  path: () => ["[(0,0),(1,1)]"],
  polygon: () => ["((0,0),(1,1),(1,0))"],
  circle: () => ["<(0,0),1>"],
  tsvector: () => ["canary"],
  tsquery: () => ["canary"],
  xml: () => ["<canary/>"],
  pg_lsn: () => ["0/1"],
  '"char"': () => ["a", "A", "1"],
};

const numericTypes = /^(smallint|integer|bigint|numeric|real|double precision)/;
const literals = (definition: string): string[] =>
  [...definition.matchAll(/'((?:[^']|'')*)'/g)].map(([, text = ""]) => text.replaceAll("''", "'"));
const bounds = (definition: string): number[] =>
  [...definition.matchAll(/-?\d+(?:\.\d+)?/g)].map(([text]) => Number(text));

const fitting = (values: readonly SampleValue[], type: string): readonly SampleValue[] => {
  const length = /^(?:character varying|character)\((\d+)\)/.exec(type)?.[1];
  if (length === undefined) return values;
  return values.map((value) => (typeof value === "string" ? value.slice(0, Number(length)) : value));
};

/** Values that a check's own words suggest: the texts it compares with, the bounds and their neighbours, texts as long. */
const suggested = ({ baseType, category }: ProbeColumn, checks: readonly ProbeConstraint[]): SampleValue[] => {
  const definitions = checks
    .filter(({ definition }) => definition.startsWith("CHECK"))
    .map(({ definition }) => definition);
  if (category === "S") {
    const lengths = definitions.flatMap(bounds).filter((length) => length > 0 && length <= 1000);
    return [...definitions.flatMap(literals), ...lengths.map((length) => "a".repeat(length))];
  }
  if (numericTypes.test(baseType)) return definitions.flatMap(bounds).flatMap((n) => [`${n}`, `${n + 1}`, `${n - 1}`]);
  if (category === "D" || category === "A" || category === "T") return definitions.flatMap(literals);
  return [];
};

const bitsOf = (type: string): SampleValue[] => ["0".repeat(Number(/\((\d+)\)/.exec(type)?.[1] ?? 1))];

const ofType = ({ baseType, kind, category, labels }: ProbeColumn): readonly SampleValue[] => {
  if (kind === "e") return labels;
  if (kind === "c") return [{}];
  if (category === "A") return ["{}"];
  if (kind === "r" || kind === "m") return ["empty"];
  if (baseType.startsWith("bit")) return bitsOf(baseType);
  const bare = baseType.replace(/\([^)]*\)/, "");
  const known = byType[bare]?.();
  if (known !== undefined) return known;
  // Types of extensions, too: what most of them can read.
  return category === "S" ? texts : ["1", "0", "{}", "", "canary", "[1]", "a"];
};

const mostPerColumn = 60;

/** What may stand in the column, likeliest first; `null` last where it may be absent. */
export function sampleValues(column: ProbeColumn, checks: readonly ProbeConstraint[]): readonly SampleValue[] {
  const own = checks.filter(({ columns }) => columns.includes(column.name));
  const [first, ...rest] = ofType(column);
  const all = [...(first === undefined ? [] : [first]), ...suggested(column, own), ...rest];
  const unique = [...new Map(fitting(all, column.baseType).map((value) => [JSON.stringify(value), value])).values()];
  return [...unique.slice(0, mostPerColumn), ...(column.notNull ? [] : [null])];
}
