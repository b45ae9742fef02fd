import { readFile } from "node:fs/promises";
import { readStdin } from "../arguments/secret-input.ts";
import { usage } from "../cli-error.ts";
import { defineCommands } from "../command.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { cleanText } from "../output/clean.ts";
import { indented } from "../output/json-text.ts";

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];

const parsed = (text: string, source: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw usage(`${source} is not JSON: ${cause instanceof Error ? cause.message : cause}`);
  }
};

/** `--data` as text, `@file`, or `-` for standard input, which is also read where it is a pipe and the method takes a body. */
const bodyOf = async (data: string | undefined): Promise<unknown> => {
  if (data === undefined) return undefined;
  if (data === "-") return parsed(await readStdin(16_777_216), "standard input");
  if (!data.startsWith("@")) return parsed(data, "--data");
  const text = await readFile(data.slice(1), "utf8").catch((cause: unknown) => {
    throw usage(`--data: cannot read ${data.slice(1)}: ${cause instanceof Error ? cause.message : cause}`);
  });
  return parsed(text, data.slice(1));
};

const run = async (invocation: Invocation): Promise<number> => {
  const { args, flags, out } = invocation;
  const [first = "", second, ...more] = args;
  const [method, path] = first.startsWith("/") ? ["GET", first] : [first.toUpperCase(), second ?? ""];
  if (more.length > 0 || (first.startsWith("/") && second !== undefined))
    throw usage("too many arguments: this command takes <method> <path>");
  if (!methods.includes(method)) throw usage(`"${first}" is no method`, `Use one of ${methods.join(", ")}.`);
  if (!path.startsWith("/"))
    throw usage("the path begins with a slash", "For instance: tenantctl api GET /api/admin/tenants");
  const response = await (await invocation.api()).request(method, path, await bodyOf(textFlag(flags, "data")));
  if (process.stdout.isTTY === true) {
    const text = await response.text();
    out.text(cleanText(/json/.test(response.headers.get("content-type") ?? "") ? indented(text) : text));
    return 0;
  }
  const { pipeline } = await import("node:stream/promises");
  const { Readable } = await import("node:stream");
  // Piece by piece, as it comes: an export may be larger than memory.
  if (response.body !== null)
    await pipeline(Readable.fromWeb(response.body as import("node:stream/web").ReadableStream), process.stdout, {
      end: false,
    });
  return 0;
};

export const commands = defineCommands([
  {
    path: ["api"],
    summary: "Call any path of the API and print its answer",
    description:
      "With the context's credentials. The answer is printed as it came; an error answer is an error here too.",
    positional: [
      { name: "method", help: "GET, POST, PUT, PATCH or DELETE; may be left out for GET" },
      { name: "path", help: "The path with its query" },
    ],
    flags: [{ flags: "-d, --data <json>", help: "The body: JSON, @file, or - for standard input" }],
    run,
    examples: [
      "api GET '/api/admin/tenants?status=active'",
      'api POST /api/admin/tenants/acme/suspend --data \'{"reason":"unpaid"}\'',
      "api PATCH /api/admin/tenants/acme --data - < change.json",
    ],
  },
]);
