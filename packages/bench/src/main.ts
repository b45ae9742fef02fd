import { performance } from "node:perf_hooks";
import { conditionsText } from "./conditions.ts";
import { readOptions } from "./options.ts";
import { tableText } from "./report.ts";
import { runSections } from "./run-sections.ts";
import { sections, subcommands } from "./sections.ts";
import { exitCode, summary } from "./verdict.ts";
import { writePage } from "./write-page.ts";

const names = (list: readonly { name: string }[]): string => list.map(({ name }) => name).join(", ");

const help = `pnpm bench ${subcommands.length > 0 ? `[${names(subcommands).replaceAll(", ", "|")}] ` : ""}[--quick|--full] [--only NAME]… [--rounds N] [--seconds N] [--write]

Measures this server and tenantctl beside what one would use instead, taking turns, and prints ratios.
Leaves with 1 when something that must be reached is missed.

  --quick      small sizes, in a few minutes; the same must be reached
  --full       what takes long, too: 100,000 tenants and 10,000,000 rows
  --only       one of: ${names(sections)}
  --rounds, --seconds   how often each candidate has its turn, and how long a turn of load lasts
  --write      put the numbers into docs/performance.md (whole runs, and not quick)
${subcommands.length > 0 ? `\nOnly when asked for by its name: ${names(subcommands)}\n` : ""}`;

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const page = new URL("../../../docs/performance.md", import.meta.url);

const main = async (): Promise<number> => {
  const options = readOptions(process.argv.slice(2), sections, subcommands);
  if (options.help) {
    process.stdout.write(help);
    return 0;
  }
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => stopping.abort(new Error(`stopped by ${signal}; nothing was judged`)));
  const started = performance.now();
  const { findings, postgres } = await runSections(options.chosen, { ...options, log: say }, stopping.signal);
  const seconds = (performance.now() - started) / 1000;
  const about = options.chosen.map((chosen) => chosen.about(options));
  const table = tableText(findings);
  const under = conditionsText({ run: options.run, size: options.size, seconds, postgres, about });
  if (options.write) writePage(page, options.run, `\n${table}\n\n${under}\n\n${summary(findings)}.\n`);
  process.stdout.write(`\n${table}\n\n${under}\n\n${summary(findings)}\n`);
  return exitCode(findings);
};

process.exitCode = await main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error));
  return 1;
});
