import { cpus, loadavg, totalmem } from "node:os";
import type { Size } from "./section.ts";

const flag: Readonly<Record<Size, string>> = { quick: " --quick", usual: "", full: " --full" };

export interface Conditions {
  /** "bench" or a subcommand's name. */
  readonly run: string;
  readonly size: Size;
  readonly seconds: number;
  readonly postgres: string | undefined;
  /** The sections' own words on what they measured. */
  readonly about: readonly string[];
}

/** What was measured, and on what. */
export const conditionsText = ({ run, size, seconds, postgres, about }: Conditions): string => {
  const processors = cpus();
  const model = (processors[0]?.model ?? "").replace(/\s+/g, " ").trim();
  return [
    `\`npx -y pnpm@12 bench${run === "bench" ? "" : ` ${run}`}${flag[size]}\`, ${Math.round(seconds / 60)} minutes, ${new Date().toISOString().slice(0, 10)}.`,
    ...about.filter((text) => text !== ""),
    `PostgreSQL ${postgres ?? "not started"} (fsync on), the API, the reference servers and the load on one machine:`,
    `${processors.length} × ${model || process.arch}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}.`,
    // What else the machine did shows in the ratios' spread; on an idle one the bench alone comes to about 2.
    `Load average over 15 minutes: ${(loadavg()[2] ?? 0).toFixed(1)}.`,
  ].join(" ");
};
