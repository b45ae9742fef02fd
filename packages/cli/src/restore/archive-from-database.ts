import { readSecretFile } from "../arguments/secret-input.ts";
import { usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { asCliError } from "../start/run-server.ts";
import { type CheckedArchive, checkArchive } from "./checked-archive.ts";
import { withTemporaryFile } from "./plain-file.ts";

export const databaseFlags = [
  {
    flags: "--from-database <url>",
    help: "From another PostgreSQL with the same schema; its password from PGPASSWORD or ~/.pgpass",
  },
  { flags: "--from-database-url-file <path>", help: "The same, with a URL that carries its password" },
] as const;

/** The URL of the database to restore from; undefined where none is meant. */
export const sourceUrl = async ({ flags }: Pick<Invocation, "flags">): Promise<string | undefined> => {
  const typed = textFlag(flags, "fromDatabase");
  const file = textFlag(flags, "fromDatabaseUrlFile");
  if (typed !== undefined && file !== undefined)
    throw usage("--from-database and --from-database-url-file are the same");
  const url =
    typed ?? (file === undefined ? undefined : (await readSecretFile(file, "--from-database-url-file")).trim());
  if (url === undefined) return undefined;
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url))
    throw usage("the database to restore from is no postgresql:// URL", "Write postgresql://USER@HOST:PORT/DATABASE.");
  if (typed !== undefined && new URL(url).password !== "")
    throw usage(
      "--from-database carries a password, which every user of this machine can read in the list of processes",
      "Put the URL into a file and name that: --from-database-url-file; and change the password.",
    );
  return url;
};

/** Archives one tenant of that database into a file of this command's own, which `use` may read until it returns. */
export const withArchiveOfDatabase = <T>(
  { settings }: Pick<Invocation, "settings">,
  url: string,
  tenant: string,
  use: (archive: CheckedArchive) => Promise<T>,
): Promise<T> =>
  withTemporaryFile(
    async (write) => {
      const { archiveOfDatabase } = await import("@tenantctl/server");
      const prefix = settings.env.TENANTCTL_ROLE_PREFIX || "tenantctl";
      await archiveOfDatabase({ url, prefix }, tenant, write).catch((error: unknown) => {
        throw asCliError(error);
      });
    },
    async (path) => use(await checkArchive(path, [])),
  );
