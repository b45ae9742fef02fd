import { expect, it } from "vitest";
import { readSeveral, writeSeveral } from "../src/index.ts";
import { chunked, collect } from "./fixtures/sample.ts";

const bytes = async function* (...parts: Buffer[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield part;
};

/** What arrives of a stream, each archive's bytes put together. */
const arrived = async (stream: Buffer, chunk: number) => {
  const seen: { tenantId: string; content: string; whole: boolean | undefined }[] = [];
  for await (const event of readSeveral(chunked(stream, chunk))) {
    const last = seen.at(-1);
    if (event.kind === "begin") seen.push({ tenantId: event.tenantId, content: "", whole: undefined });
    else if (event.kind === "data" && last !== undefined) last.content += event.bytes.toString("latin1");
    else if (event.kind === "end" && last !== undefined) last.whole = event.whole;
  }
  return seen;
};

const large = Buffer.alloc(300_000, "0123456789");

it("several archives come one by one, whatever the stream is cut into; one that fails is marked, and the next follows", async () => {
  const failures: string[] = [];
  const stream = await collect(
    writeSeveral(
      [
        { tenantId: "a", open: async () => bytes(large, Buffer.from("end")) },
        { tenantId: "b", open: () => Promise.reject(new Error("gone")) },
        {
          tenantId: "c",
          open: async () =>
            (async function* () {
              yield Buffer.from("half");
              throw new Error("broke off");
            })(),
        },
        { tenantId: "d", open: async () => bytes() },
      ],
      (tenantId, error) => failures.push(`${tenantId}: ${error instanceof Error ? error.message : ""}`),
    ),
  );
  for (const chunk of [1000, 65_536, stream.length])
    expect(await arrived(stream, chunk)).toEqual([
      { tenantId: "a", content: `${large.toString("latin1")}end`, whole: true },
      { tenantId: "b", content: "", whole: false },
      { tenantId: "c", content: "half", whole: false },
      { tenantId: "d", content: "", whole: true },
    ]);
  expect(failures).toEqual(["b: gone", "c: broke off"]);
});

it("a stream that was cut, or is something else, is refused", async () => {
  const stream = await collect(
    writeSeveral([{ tenantId: "a", open: async () => bytes(Buffer.from("content")) }], () => {}),
  );
  for (let length = 1; length < stream.length; length += 1) {
    const rest = arrived(stream.subarray(0, length), 7).then((seen) => seen.at(-1)?.whole);
    // Between two frames nothing is missing but the end, which never came.
    expect(await rest.catch((error: Error & { code?: string }) => error.code)).not.toBe(true);
  }
  await expect(arrived(Buffer.from("<html>not an archive</html>"), 7)).rejects.toMatchObject({
    code: "archive_damaged",
  });
});
