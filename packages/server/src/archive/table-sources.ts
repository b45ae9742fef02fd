import { beThrifty, type TableSource } from "@tenantctl/archive";
import type { Answer } from "@tenantctl/database";
import type { ArchivedTable } from "./archive-plan.ts";

export type Answers = AsyncGenerator<Answer, void, undefined>;

/** Of what an archive may take without care for memory, in bytes of COPY text. */
export const smallBytes = 4 * 1024 * 1024;

/** The next answer, which has to be there. */
export const nextOf = async (answers: Answers): Promise<Answer> => {
  const { done, value } = await answers.next();
  if (done === true) throw new Error("The snapshot ended before its answers.");
  return value;
};

/** The one value of the next statement's one row, where it has one. */
export const nextText = async (answers: Answers): Promise<string | null | undefined> => {
  const answer = await nextOf(answers);
  if (answer.kind === "done") return undefined;
  await nextOf(answers);
  return answer.kind === "row" ? answer.values[0] : undefined;
};

/** Told of COPY text as it comes. */
export interface Counter {
  /** So many bytes more. */
  passed(bytes: number): void;
  /** A table is through, which had so many bytes in all. */
  ended(table: ArchivedTable, bytes: number): void;
}

const nobody: Counter = { passed: () => {}, ended: () => {} };

/** One table's COPY text as it leaves. */
const tableSource = (
  answers: Answers,
  table: ArchivedTable,
  tenantId: string,
  { passed, ended }: Counter,
): TableSource => {
  let [rows, bytes] = [0, 0];
  async function* copied(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const answer = await nextOf(answers);
      if (answer.kind === "done") {
        ({ rows } = answer);
        ended(table, bytes);
        return;
      }
      if (answer.kind !== "copy") throw new Error("A COPY was answered with a row.");
      bytes += answer.bytes.length;
      passed(answer.bytes.length);
      yield answer.bytes;
    }
  }
  return {
    table: table.description,
    ddl: table.ddl(tenantId),
    copy: copied(),
    facts: () => ({ rows }),
  };
};

/** The tables of an archive, from the answers to what was asked for each. */
export async function* tableSources(
  answers: Answers,
  tables: readonly ArchivedTable[],
  tenantId: string,
  { passed, ended } = nobody,
): AsyncGenerator<TableSource> {
  let bytes = 0;
  let beWasteful: (() => void) | undefined;
  const count = (more: number): void => {
    bytes += more;
    passed(more);
    if (bytes > smallBytes) beWasteful ??= beThrifty();
  };
  try {
    for (const table of tables) yield tableSource(answers, table, tenantId, { passed: count, ended });
    // What failed last fails the archive, too.
    while ((await answers.next()).done !== true);
  } finally {
    beWasteful?.();
  }
}
