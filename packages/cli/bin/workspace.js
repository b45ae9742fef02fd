// `pnpm tenantctl`: the same program, but it knows only the context that `pnpm start` left in this checkout, so that a
// context of a production system is never touched by accident.
const { join, resolve } = require("node:path");

const root = join(__dirname, "..", "..", "..");
process.env.TENANTCTL_CONFIG_DIR ||= join(resolve(root, process.env.TENANTCTL_DATA_DIR || ".tenantctl"), "cli");
// The package manager runs scripts at the root; file names are meant from where the user is.
if (process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);

require("./tenantctl.js");
