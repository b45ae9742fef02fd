import { ContractError, exitCodes, isErrorCode, type ResultOf, type Routes } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import { followOperation } from "../operations/follow.ts";
import type { Api } from "../session/api.ts";

export type Operation = ResultOf<Routes["operations.get"]>;

export interface Upload {
  readonly route: "restores.create" | "imports.create";
  readonly query: Readonly<Record<string, unknown>>;
  readonly document: () => AsyncIterable<Uint8Array>;
  /** For messages: `the restore`. */
  readonly what: string;
  /** False: don't wait for an operation that goes on. */
  readonly wait: boolean;
}

export interface Sent {
  readonly operation: Operation;
  /** As the API gave it. */
  readonly text: string;
}

/** Errors of the file being read are not the network's. */
const watched = async function* (
  document: AsyncIterable<Uint8Array>,
  failed: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* document;
  } catch (error) {
    failed(error);
    throw error;
  }
};

/** Its code says more than that it failed: the slug was taken, say. */
const failedOperation = (what: string, { status, error, errorCode, id }: Operation): Error => {
  const hint = `Nothing was changed. \`tenantctl operations show ${id}\` tells more.`;
  if (status === "cancelled")
    return new CliError("operation_failed", exitCodes.unexpected, `${what} was cancelled`, hint);
  const detail = `${what} failed: ${error ?? "no reason given"}`;
  return errorCode !== null && isErrorCode(errorCode)
    ? new ContractError(errorCode, detail, hint)
    : new CliError("operation_failed", exitCodes.unexpected, detail, hint);
};

/** Sends a document and waits until the operation that it begins is over. Throws unless it succeeded. */
export const sendDocument = async (api: Api, upload: Upload, note: (line: string) => void): Promise<Sent> => {
  const { route, query, document, what, wait } = upload;
  let readError: unknown;
  const { text } = await api
    .text(route, { query }, { upload: () => watched(document(), (error) => (readError = error)) })
    .catch((error: unknown) => {
      throw readError ?? error;
    });
  const begun = JSON.parse(text) as Operation;
  const isOver = !["queued", "running"].includes(begun.status);
  const last = isOver || !wait ? text : await followOperation(api, begun.id, what, note);
  const operation = JSON.parse(last) as Operation;
  if (operation.status === "failed" || operation.status === "cancelled") throw failedOperation(what, operation);
  return { operation, text: last };
};
