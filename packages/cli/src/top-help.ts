import { entries, sections } from "./command-table.ts";
import { globalFlags } from "./settings.ts";

const pad = (rows: readonly (readonly [string, string])[]): string => {
  const widest = Math.max(...rows.map(([term]) => term.length));
  return rows.map(([term, text]) => `  ${term.padEnd(widest)}  ${text}`).join("\n");
};

/** `tenantctl --help`, from the table alone: nothing else is loaded for it. */
export const topHelp = (): string => {
  const blocks = sections.flatMap((section) => {
    const rows = entries
      .filter((entry) => entry.section === section && entry.hidden !== true)
      .map(({ name, summary }) => [name, summary] as const);
    return rows.length === 0 ? [] : [`${section}:\n${pad(rows)}`];
  });
  return [
    "Run a multi-tenant system from the command line.",
    "Usage: tenantctl <command> [flags]",
    ...blocks,
    `Flags of every command:\n${pad([...globalFlags, ["-h, --help", "Help for a command"], ["-V, --version", "The version"]])}`,
    "Examples:\n  $ tenantctl login --email you@example.com\n  $ tenantctl status\n  $ tenantctl provision\n  $ tenantctl list --status active -o json",
    "`tenantctl <command> --help` shows a command's flags and examples.",
  ].join("\n\n");
};
