import { readSecretFile, readSecretLines } from "../arguments/secret-input.ts";
import { usage } from "../cli-error.ts";
import { defineCommands } from "../command.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { asCliError } from "../start/run-server.ts";
import { databaseSettings, serverFlags } from "../start/server-settings.ts";

/** The password from a file, standard input or a prompt; undefined where one shall be generated. */
const wantedPassword = async ({ flags, ask }: Invocation): Promise<string | undefined> => {
  if (flags.generate === true) return undefined;
  const file = textFlag(flags, "passwordFile");
  if (file !== undefined) return readSecretFile(file, "--password-file");
  if (flags.passwordStdin === true) return (await readSecretLines(1, "--password-stdin"))[0];
  if (!ask.possible) {
    throw usage("a password is missing", "Add --generate, --password-file FILE or --password-stdin.");
  }
  const password = await ask.secret("The operator's password:");
  if (password !== (await ask.secret("The same again:"))) throw usage("the two are not the same", "Type it again.");
  return password;
};

export const commands = defineCommands([
  {
    path: ["bootstrap"],
    summary: "Make an operator, or let one in again, straight in the database",
    description:
      "For a system whose operators have lost their passwords: works on DATABASE_URL without the API and without logging in, and is audited as local:<your user>. An operator who exists gets the password, is enabled, and their sessions end.",
    examples: ["bootstrap --email ops@example.com", "bootstrap --email ops@example.com --generate"],
    flags: [
      { flags: "--email <email>", help: "The operator's e-mail" },
      { flags: "--name <name>", help: "The operator's name; the e-mail unless said" },
      { flags: "--password-file <file>", help: "File that holds the password" },
      { flags: "--password-stdin", help: "Read the password from standard input" },
      { flags: "--generate", help: "Generate a password and print it once" },
      ...serverFlags.filter(({ flags }) => flags.startsWith("--config")),
    ],
    run: async (invocation) => {
      const { flags, ask, out } = invocation;
      const settings = await databaseSettings(invocation);
      const email = textFlag(flags, "email") ?? (ask.possible ? await ask.text("The operator's e-mail:") : undefined);
      if (email === undefined) throw usage("the operator's e-mail is missing", "Add --email.");
      if (!/^[^\s@]+@[^\s@]+$/.test(email)) throw usage("this is no e-mail address", "Write it like ops@example.com.");
      const password = await wantedPassword(invocation);
      const { openServerDatabase, bootstrapOperator } = await import("@tenantctl/server");
      const db = await openServerDatabase(settings, { migrate: false }).catch((error: unknown) => {
        throw asCliError(error);
      });
      try {
        const made = await bootstrapOperator(db, {
          email,
          password,
          name: textFlag(flags, "name"),
          generate: true,
          recover: true,
          passwordMinLength: settings.passwordMinLength,
        });
        if (made === undefined) throw new Error("the database made no operator");
        const { created, ...operator } = made;
        await out.record(JSON.stringify({ ...operator, created }), {
          cells: [],
          properties: ["id", "email", "password", "created"],
        });
        out.note(
          created
            ? "the operator is made. Next: tenantctl login"
            : "the operator can log in again; older sessions ended. Next: tenantctl login",
        );
        return 0;
      } finally {
        await db.close();
      }
    },
  },
]);
