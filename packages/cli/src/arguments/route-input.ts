import type { Field } from "./field.ts";

/** What a call sends, by place. */
export interface RouteInput {
  readonly params: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

/** Sorts values into params, query and body. A route that takes a body gets one, empty if need be. */
export const inputOf = (fields: readonly Field[], values: ReadonlyMap<string, unknown>): RouteInput => {
  const part = (place: Field["place"]): Record<string, unknown> =>
    Object.fromEntries(
      fields
        .filter((field) => field.place === place && values.has(field.name))
        .map(({ name }) => [name, values.get(name)]),
    );
  return {
    params: part("params"),
    query: part("query"),
    body: fields.some(({ place }) => place === "body") ? part("body") : undefined,
  };
};
