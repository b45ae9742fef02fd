import { CliError } from "../cli-error.ts";

/** Asks people, on stderr, with the library loaded only when there is a question. */
export interface Asker {
  /** False: nobody can be asked, and a missing answer is an error. */
  readonly possible: boolean;
  text(message: string, options?: { fallback?: string; validate?: (answer: string) => true | string }): Promise<string>;
  secret(message: string): Promise<string>;
  confirm(message: string): Promise<boolean>;
  choose(message: string, choices: readonly string[]): Promise<string>;
  search(message: string, source: (term: string) => Promise<readonly Choice[]>): Promise<string>;
}

export interface Choice {
  readonly value: string;
  readonly name: string;
  readonly description?: string;
}

/** Ctrl-C at a question. */
const interrupted = (): CliError => new CliError("interrupted", 130, "interrupted", "Nothing was changed.");

const guarded = async <T>(question: Promise<T>): Promise<T> => {
  try {
    return await question;
  } catch (error) {
    if (error instanceof Error && /^(ExitPromptError|AbortPromptError)$/.test(error.name)) throw interrupted();
    throw error;
  }
};

/** An asker on the terminal; `possible: false` makes every question a mistake of the caller. */
export const createAsker = (possible: boolean): Asker => {
  const module = async () => {
    const { default: inquirer } = await import("inquirer");
    return inquirer.createPromptModule({ output: process.stderr });
  };
  const answer = async (question: Readonly<Record<string, unknown>>): Promise<unknown> => {
    if (!possible) throw new Error("asked a question where nobody can answer");
    const prompt = await module();
    const answers: Record<string, unknown> = await guarded(prompt([{ ...question, name: "answer" } as never]));
    return answers.answer;
  };
  return {
    possible,
    text: async (message, { fallback, validate } = {}) =>
      String(
        await answer({
          type: "input",
          message,
          ...(fallback ? { default: fallback } : {}),
          ...(validate ? { validate } : {}),
        }),
      ),
    secret: async (message) => String(await answer({ type: "password", message, mask: "*" })),
    confirm: async (message) => (await answer({ type: "confirm", message, default: false })) === true,
    choose: async (message, choices) =>
      String(await answer({ type: "select", message, choices: [...choices], pageSize: 12 })),
    search: async (message, source) =>
      String(await answer({ type: "search", message, pageSize: 10, source: (term?: string) => source(term ?? "") })),
  };
};
