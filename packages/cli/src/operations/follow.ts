import { writeSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { type ResultOf, type Routes, UnreachableError } from "@tenantctl/contract";
import { cleanLine } from "../output/clean.ts";
import type { Api } from "../session/api.ts";
import { onInterrupt } from "../signals.ts";

/** An API that does not answer for a moment does not end the operation; one that stays away does end the waiting. */
const patienceMs = 60_000;

const sum = (rows: Readonly<Record<string, number>>): number => Object.values(rows).reduce((a, b) => a + b, 0);

/** Says how far an operation is until it is over, however it ends; gives its record as the API's JSON text. `what` names it. */
export const followOperation = async (
  api: Api,
  id: string,
  what: string,
  note: (line: string) => void,
): Promise<string> => {
  let said = "";
  let answered = Date.now();
  const takeBack = onInterrupt(
    () => void writeSync(2, `${what} goes on without you: tenantctl operations show ${cleanLine(id)}\n`),
  );
  try {
    for (;;) {
      const text = await api.text("operations.get", { params: { id } }).then(
        (answer) => answer.text,
        (error: unknown) => {
          if (error instanceof UnreachableError && Date.now() - answered < patienceMs) return undefined;
          throw error;
        },
      );
      if (text !== undefined) {
        answered = Date.now();
        const { status, progress, plan } = JSON.parse(text) as ResultOf<Routes["operations.get"]>;
        const line = `${status}: ${sum(progress)} of ${sum(plan)} rows`;
        if (line !== said) note(line);
        said = line;
        if (status !== "queued" && status !== "running") return text;
      }
      await wait(1000);
    }
  } finally {
    takeBack();
  }
};
