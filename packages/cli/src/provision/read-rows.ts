import { open } from "node:fs/promises";
import { ContractError } from "@tenantctl/contract";
import { usage } from "../cli-error.ts";
import { FormFault } from "./csv-records.ts";
import { fileRows } from "./file-rows.ts";
import type { RowStore } from "./row-store.ts";
import { type CheckOptions, headFault, tenantRow } from "./tenant-row.ts";

/** Faults that are told; beyond, only their number. */
const mostFaults = 1000;

export interface FileFacts {
  readonly rows: number;
  /** Rows whose administrators get no password. */
  readonly withoutPassword: number;
}

/** The bytes of a file, or with `-` of standard input. Gives a usage error where it can't be read. */
export async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  if (path === "-") {
    for await (const chunk of process.stdin) yield Buffer.from(chunk);
    return;
  }
  const unreadable = (cause: unknown): Error =>
    usage(`cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, "Check the path.");
  const file = await open(path, "r").catch((cause: unknown) => {
    throw unreadable(cause);
  });
  try {
    for await (const chunk of file.createReadStream({ autoClose: false })) yield Buffer.from(chunk);
  } catch (cause) {
    throw unreadable(cause);
  } finally {
    await file.close();
  }
}

interface Found {
  readonly line: number;
  readonly message: string;
}

const faulty = (name: string, faults: readonly Found[], count: number): ContractError => {
  const [{ line, message } = { line: 1, message: "" }] = faults;
  const more = count - faults.length;
  const detail = count === 1 ? `${name}: line ${line} ${message}` : `${name} has ${count} faults`;
  return new ContractError("invalid_request", detail, "Nothing was provisioned. Mend the file and run it again.", {
    faults: [
      ...faults.map((fault) => ({ path: `line ${fault.line}`, message: fault.message })),
      ...(more > 0 ? [{ path: "and", message: `${more} more` }] : []),
    ],
  });
};

/**
 * Reads a file to its end, checks every row and keeps it in the store. Throws an `invalid_request` with every fault and
 * its line where there is any: nothing is to be provisioned then.
 */
export const readRows = async (path: string, store: RowStore, options: CheckOptions): Promise<FileFacts> => {
  const faults: Found[] = [];
  let count = 0;
  let rows = 0;
  let withoutPassword = 0;
  const add = (line: number, message: string): void => {
    count += 1;
    if (faults.length < mostFaults) faults.push({ line, message });
  };
  const lineOf = new Map<string, number>();
  try {
    for await (const row of fileRows(bytesOf(path), (names) => headFault(names, options.plan))) {
      const { line } = row;
      rows += 1;
      const tenant = "fault" in row ? [row.fault] : tenantRow(row.values, options);
      if (!("slug" in tenant)) {
        for (const fault of tenant) add(line, fault);
        continue;
      }
      const earlier = lineOf.get(tenant.slug);
      if (earlier !== undefined) {
        add(line, `has the slug ${tenant.slug} of line ${earlier}`);
        continue;
      }
      lineOf.set(tenant.slug, line);
      if (tenant.adminPassword === null) withoutPassword += 1;
      if (count === 0) store.add({ line, tenant });
    }
  } catch (error) {
    if (!(error instanceof FormFault)) throw error;
    add(error.line, error.message);
  }
  const name = path === "-" ? "standard input" : path;
  if (count > 0) throw faulty(name, faults, count);
  if (rows === 0)
    throw usage(`${name} has no rows`, "It takes a line for each tenant; in CSV the first line names the columns.");
  return { rows, withoutPassword };
};
