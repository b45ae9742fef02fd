/** A JSON array with one element a line, so that a reader need not wait for its end. Texts are JSON already. */
export async function* jsonLines(values: AsyncIterable<unknown>): AsyncGenerator<string> {
  let before = "[\n";
  for await (const value of values) {
    yield before + (typeof value === "string" ? value : JSON.stringify(value));
    before = ",\n";
  }
  yield before === "[\n" ? "[]\n" : "\n]\n";
}
