import { parseArgs } from "node:util";
import { startBenchSystem } from "./bench-system.ts";
import { loadTenants } from "./load-tenants.ts";
import { measureBackup } from "./measure-backup.ts";
import { measureRestore } from "./measure-restore.ts";
import { backupLines, conditions, type Line, misses, restoreLine, tableText } from "./report.ts";
import { fullSizes, quickSizes } from "./sizes.ts";
import { writePage } from "./write-page.ts";

const help = `pnpm bench [--quick] [--only backup|restore] [--tenants N] [--rows N] [--write]

Measures backup and restore beside what one would use instead, in one run, and prints the ratios of their times.
  --quick   small sizes: a look in a minute; targets don't apply
  --only    one of the two
  --tenants, --rows   other sizes than 1,000 tenants and 1,000,000 rows of one tenant
  --write   put the numbers into docs/performance.md (both, and not quick)
Leaves with 10 when a target is missed.
`;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const count = (flag: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Error(`${flag} takes a number from 1 to 9999999`);
  return Number(text);
};

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean" },
      only: { type: "string" },
      tenants: { type: "string" },
      rows: { type: "string" },
      write: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    process.stdout.write(help);
    return 0;
  }
  const { only } = values;
  if (only !== undefined && only !== "backup" && only !== "restore") throw new Error("--only takes backup or restore");
  if (values.write === true && (values.quick === true || only !== undefined))
    throw new Error("--write is for both, and not for --quick");
  const given = values.quick === true ? quickSizes : fullSizes;
  const sizes = {
    ...given,
    tenants: count("--tenants", values.tenants) ?? given.tenants,
    restoredRows: count("--rows", values.rows) ?? given.restoredRows,
  };
  const system = await startBenchSystem();
  const interrupted = (): void => void system.stop().finally(() => process.exit(130));
  process.once("SIGINT", interrupted);
  process.once("SIGTERM", interrupted);
  try {
    const lines: Line[] = [];
    if (only !== "restore") {
      say(`loading ${sizes.tenants} tenants with ${sizes.customersEach} customers each`);
      await loadTenants(system, { name: "tenant", kind: "01", count: sizes.tenants, customers: sizes.customersEach });
      lines.push(...backupLines(await measureBackup(system, sizes.tenants, sizes.rounds, say)));
    }
    if (only !== "backup") {
      say(`loading one tenant with ${sizes.restoredRows} customers`);
      await loadTenants(system, { name: "large", kind: "02", count: 1, customers: sizes.restoredRows });
      lines.push(restoreLine(await measureRestore(system, "large-1", sizes.restoredRows, sizes.rounds, say)));
    }
    const table = tableText(lines);
    const under = conditions(sizes, system.postgres, system.peakMemory());
    process.stdout.write(`\n${table}\n\n${under}\n`);
    if (values.write === true)
      writePage(new URL("../../../docs/performance.md", import.meta.url), `\n${table}\n\n${under}\n`);
    return values.quick !== true && lines.some(misses) ? 10 : 0;
  } finally {
    await system.stop();
  }
};

process.exitCode = await main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error));
  return 1;
});
