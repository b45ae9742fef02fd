import { usage } from "../cli-error.ts";
import { camel, type Field } from "./field.ts";
import { readSecretFile, readSecretLines } from "./secret-input.ts";

/** A flag from which a secret is read; secrets are never arguments themselves. */
export interface SecretFlag {
  readonly flags: string;
  readonly help: string;
}

const isPassword = ({ flag }: Field): boolean => flag.endsWith("password");

/** The flag that names a secret's file: `--password-file`, or by property where there are several or it is none. */
export const fileFlag = (field: Field, secrets: readonly Field[]): string =>
  secrets.length === 1 && isPassword(field) ? "password-file" : `${field.flag}-file`;

/** The flag that has secrets read from standard input: `--password-stdin`, unless the only one is no password. */
export const stdinFlag = ([first, ...others]: readonly Field[]): string =>
  first === undefined || others.length > 0 || isPassword(first) ? "password-stdin" : `${first.flag}-stdin`;

/** The flags for a command's secrets. */
export const secretFlags = (secrets: readonly Field[]): SecretFlag[] => {
  if (secrets.length === 0) return [];
  const order = secrets.map(({ flag }) => flag.replaceAll("-", " ")).join(", then ");
  return [
    { flags: `--${stdinFlag(secrets)}`, help: `Read from standard input, one a line: ${order}` },
    ...secrets.map((field) => ({ flags: `--${fileFlag(field, secrets)} <path>`, help: `${field.help}, from a file` })),
  ];
};

/** The secrets that files or standard input give, by property. */
export const readSecrets = async (
  secrets: readonly Field[],
  flags: Readonly<Record<string, unknown>>,
): Promise<Map<string, string>> => {
  const values = new Map<string, string>();
  for (const field of secrets) {
    const name = fileFlag(field, secrets);
    const path = flags[camel(name)];
    if (typeof path === "string") values.set(field.name, await readSecretFile(path, `--${name}`));
  }
  const stdin = stdinFlag(secrets);
  if (flags[camel(stdin)] !== true) return values;
  const open = secrets.filter(({ name }) => !values.has(name));
  if (open.length === 0) throw usage(`--${stdin} has nothing left to read: files give every secret already`);
  // On a terminal the prompts that follow ask for them, without an echo.
  if (process.stdin.isTTY === true) return values;
  const lines = await readSecretLines(open.length, `--${stdin}`);
  for (const [index, { name }] of open.entries()) values.set(name, lines[index] ?? "");
  return values;
};
