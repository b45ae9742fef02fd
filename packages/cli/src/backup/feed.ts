import { PassThrough } from "node:stream";

/** What reads along with a stream that somebody else drives. */
export interface Feed<T> {
  /** Resolves when there is room for more; rejects with what the reader failed with. */
  write(chunk: Uint8Array): Promise<void>;
  /** No more comes: what the reader made of it. */
  end(): Promise<T>;
  /** Lets the reader go. */
  abandon(): void;
}

/** Feeds a reader by hand, no faster than it reads. */
export const createFeed = <T>(read: (source: AsyncIterable<Uint8Array>) => Promise<T>): Feed<T> => {
  const stream = new PassThrough({ highWaterMark: 256 * 1024 });
  stream.on("error", () => undefined);
  let failure: { readonly error: unknown } | undefined;
  const result = read(stream);
  result.catch((error: unknown) => {
    failure = { error };
    stream.destroy();
  });
  return {
    write: (chunk) =>
      new Promise((done, failed) => {
        if (failure !== undefined) return failed(failure.error);
        stream.write(chunk, (cause) => (cause ? failed(failure?.error ?? cause) : done()));
      }),
    end: () => {
      stream.end();
      return result;
    },
    abandon: () => void stream.destroy(),
  };
};
