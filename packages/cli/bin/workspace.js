// `pnpm tenantctl`: the same program, but it knows only the context that `pnpm start` left in this checkout, so that a
// context of a production system is never touched by accident.
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
process.env.TENANTCTL_CONFIG_DIR ||= join(resolve(root, process.env.TENANTCTL_DATA_DIR || ".tenantctl"), "cli");
// The package manager runs scripts at the root; file names are meant from where the user is.
if (process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);

const { main } = await import("../dist/main.js");
await main(process.argv.slice(2));
