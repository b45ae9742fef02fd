import { StringDecoder } from "node:string_decoder";
import { UnreachableError } from "@tenantctl/contract";

export interface ArrayLines {
  /** The elements that are whole with this chunk, as JSON texts. */
  add(chunk: Uint8Array): string[];
  /** Throws an UnreachableError unless the array came to its end. */
  finish(what: string): void;
}

/** Reads a JSON array that the API sends with one element a line, as it comes; holds one line at the most. */
export const arrayLines = (): ArrayLines => {
  const decoder = new StringDecoder("utf8");
  let begun = "";
  let ended = false;
  return {
    add: (chunk) => {
      const lines = (begun + decoder.write(chunk)).split("\n");
      begun = lines.pop() ?? "";
      return lines.flatMap((line) => {
        if (line === "]" || line === "[]") ended = true;
        return line === "[" || line === "]" || line === "[]" || line === "" ? [] : [line.replace(/,$/, "")];
      });
    },
    finish: (what) => {
      if (ended && begun === "") return;
      throw new UnreachableError(`${what} broke off`, "Run it again; if it repeats, look at the API's log.");
    },
  };
};
