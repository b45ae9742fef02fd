import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import { build } from "./build.ts";

/** Stands for a value that comes with each use. */
class Slot {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/**
 * A statement composed once and run often with other values: composing takes longer than all else that is done to send one.
 * `make` gets a parameter for each name; what it composes may not depend on their values.
 */
export function template<const Name extends string, R>(
  names: readonly Name[],
  make: (parameters: Readonly<Record<Name, RawBuilder<unknown>>>) => RawBuilder<R>,
): (values: Readonly<Record<Name, unknown>>) => CompiledQuery<R> {
  const slots = Object.fromEntries(names.map((name) => [name, sql`${new Slot(name)}`]));
  const composed = make(slots as Record<Name, RawBuilder<unknown>>).compile(build);
  return (values) => ({
    ...composed,
    parameters: composed.parameters.map((value) => (value instanceof Slot ? values[value.name as Name] : value)),
  });
}
