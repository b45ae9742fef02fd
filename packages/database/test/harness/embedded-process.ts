import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { type RunningCluster, startCluster } from "../../src/embedded/start-cluster.ts";
import { type ProcessOptions, startNode, type TestProcess } from "./process.ts";

const script = fileURLToPath(new URL("embedded-child.mjs", import.meta.url));
const built = new URL("../../dist/embedded/index.js", import.meta.url).href;

/** A folder that goes when the test ends; every user may enter it unless `mode` says otherwise. */
export function temporaryFolder(mode = 0o755): string {
  const folder = mkdtempSync(join(tmpdir(), "tenantctl-embedded-"));
  chmodSync(folder, mode);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Starts a throwaway cluster in this process; it is stopped when the test ends, if not before. */
export async function startHere(
  dataDir: string,
  options: Partial<Parameters<typeof startCluster>[0]> = {},
): Promise<RunningCluster> {
  const cluster = await startCluster({ dataDir, durable: false, ...options });
  onTestFinished(() => cluster.stop());
  return cluster;
}

export type ChildOptions = { dataDir: string; durable?: boolean; installation?: string; uid?: number };

/** The arguments for node to start the built embedded PostgreSQL in a process of its own. */
export function childArguments(options: ChildOptions): string[] {
  return [script, JSON.stringify({ module: built, durable: false, ...options })];
}

export function startElsewhere(options: ChildOptions, process: ProcessOptions = {}): TestProcess {
  const child = startNode(childArguments(options), process);
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await child.exit;
  });
  return child;
}

/** Waits until a child's server takes connections. */
export async function ready(child: TestProcess): Promise<{ url: string; pid: number; version: string }> {
  const [, json] = await child.waitFor(/ready (\{.*\}) /);
  return JSON.parse(json ?? "");
}

/** Waits for a child that does not start; answers its error. */
export async function refusal(child: TestProcess): Promise<{ code: string; message: string; hint: string }> {
  const [, json] = await child.waitFor(/refused (\{.*\}) /);
  return JSON.parse(json ?? "");
}
