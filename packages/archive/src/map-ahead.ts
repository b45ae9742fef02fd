/** Does `work` on each item in order, on the next one already while the result of the last is being used. */
export async function* mapAhead<T, R>(
  source: AsyncIterable<T>,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  let pending: Promise<R> | undefined;
  for await (const item of source) {
    const next = work(item);
    next.catch(() => undefined); // reported when its turn comes
    if (pending !== undefined) yield await pending;
    pending = next;
  }
  if (pending !== undefined) yield await pending;
}
