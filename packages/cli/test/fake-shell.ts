import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { type Exit, runCli, startCli, type TestProcess } from "../../database/test/harness/process.ts";
import { startInPty } from "../../database/test/harness/pty.ts";
import { type FakeApi, operatorPassword, startFakeApi } from "./fake-api.ts";

const bin = fileURLToPath(new URL("../bin/tenantctl.js", import.meta.url));

export interface Shell {
  readonly api: FakeApi;
  /** Configuration folder of this shell alone. */
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  run(args: readonly string[], more?: { env?: NodeJS.ProcessEnv; input?: string }): Promise<Exit>;
  start(args: readonly string[]): TestProcess;
  /** In a pseudo-terminal of the given width. */
  terminal(args: readonly string[], columns?: number, more?: NodeJS.ProcessEnv): TestProcess;
  login(args?: readonly string[]): Promise<Exit>;
}

/** A fake API and a configuration folder for one test; both are gone when it ends. */
export const openShell = async (): Promise<Shell> => {
  const api = await startFakeApi();
  const dir = mkdtempSync(join(tmpdir(), "tenantctl-cli-"));
  onTestFinished(async () => {
    await api.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const env = { PATH: process.env.PATH, HOME: dir, TENANTCTL_CONFIG_DIR: join(dir, "config") };
  const run: Shell["run"] = (args, { env: more, input } = {}) =>
    runCli(args, { env: { ...env, ...more }, ...(input === undefined ? {} : { input }) });
  return {
    api,
    dir: env.TENANTCTL_CONFIG_DIR,
    env,
    run,
    start: (args) => startCli(args, { env }),
    terminal: (args, columns = 80, more = {}) =>
      startInPty(process.execPath, [bin, ...args], { env: { ...env, ...more }, columns, rows: 24 }),
    login: (args = []) =>
      run(["login", "--api-url", api.url, "--email", "op@example.com", "--password-stdin", ...args], {
        input: `${operatorPassword}\n`,
      }),
  };
};

/** What a terminal shows, without colours and cursor movements. */
export const plain = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences are what goes
  text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "").replaceAll("\r\n", "\n");
