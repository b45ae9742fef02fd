import { createHash } from "node:crypto";
import { ContractError } from "@tenantctl/contract";
import { plainMessage } from "./plain-message.ts";

/** What an error is, told without any value of the request that met it. */
export interface ErrorKind {
  readonly fingerprint: string;
  /** Name and code: `TypeError`, `error 42P01`. */
  readonly error: string;
  readonly message: string;
  /** Frames, innermost first; null where it has none. */
  readonly stack: string | null;
}

const mostFrames = 20;
const mostFrame = 200;
const deepestCause = 5;

/** A line that V8 has written, not one of a message that looks like it. */
const frameShape = /^ {4}at (?:.+ \()?(?:async )?(?:file:\/\/|node:|\/|[A-Za-z]:\\).*:\d+:\d+\)?$/;

/** Where an installation lies says nothing about the fault. */
const withoutFolders = (frame: string): string =>
  frame.replace(/(?:file:\/\/)?[/\\][^\s()]*[/\\](node_modules|packages|dist)[/\\]/, "$1/").slice(0, mostFrame);

const textOf = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value) : "";

/** Behind what a caller is told lies what happened. */
const innermost = (thrown: unknown): unknown => {
  let error = thrown;
  for (let depth = 0; depth < deepestCause; depth += 1) {
    if (!(error instanceof ContractError) || error.cause === undefined) return error;
    error = error.cause;
  }
  return error;
};

const framesOf = ({ stack, message }: { readonly stack: string; readonly message: string }): string[] => {
  const start = message === "" ? -1 : stack.indexOf(message);
  return stack
    .slice(start < 0 ? 0 : start + message.length)
    .split("\n", 200)
    .filter((line) => line.length < 1000 && frameShape.test(line))
    .slice(0, mostFrames)
    .map((frame) => withoutFolders(frame.trim()));
};

/** The innermost function of this program, or its file where it has no name: lines move with every version. */
const ownPlace = (frames: readonly string[]): string => {
  const own = frames.find((frame) => !frame.includes("node_modules/") && !frame.includes("node:")) ?? "";
  return /^at (?:async )?(.+) \(/.exec(own)?.[1] ?? own.replace(/:\d+:\d+\)?$/, "");
};

const read = (thrown: unknown): { name: string; code: string; message: string; stack: string } => {
  const error = innermost(thrown);
  if (typeof error !== "object" || error === null) return { name: typeof error, code: "", message: "", stack: "" };
  const fields: { name?: unknown; code?: unknown; message?: unknown; stack?: unknown } = error;
  return {
    name: textOf(fields.name) || "Error",
    code: textOf(fields.code),
    message: textOf(fields.message),
    stack: textOf(fields.stack),
  };
};

/** Never throws, whatever was thrown: an object whose properties throw is an error without properties. */
const readSafely = (thrown: unknown): ReturnType<typeof read> => {
  try {
    return read(thrown);
  } catch {
    return { name: "object", code: "", message: "", stack: "" };
  }
};

const word = (text: string): string => text.slice(0, 60).replace(/[^\w .:-]+/g, "_");

/** Describes what was thrown at `place` and answered as `code`. The same fault at the same place has the same fingerprint. */
export const describeError = (thrown: unknown, code: string, place: string): ErrorKind => {
  const { name, code: ownCode, message, stack } = readSafely(thrown);
  const error = word(ownCode === "" ? name : `${name} ${ownCode}`);
  const plain = plainMessage(message);
  const frames = framesOf({ stack, message });
  const fingerprint = createHash("sha256")
    .update([code, error, place, plain, ownPlace(frames)].join("\n"))
    .digest("hex")
    .slice(0, 16);
  return { fingerprint, error, message: plain, stack: frames.length === 0 ? null : frames.join("\n") };
};
