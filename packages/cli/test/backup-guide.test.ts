import { spawnSync } from "node:child_process";
import { describeGuide } from "./fixture/describe-guide.ts";

const skip = spawnSync("age-keygen", ["--version"]).error !== undefined;

describeGuide(
  "docs/backup-and-restore.md",
  {
    "Back up": [/backed up 2 tenants, .* encrypted, in [\s\S]*complete/, /BACKED UP[\s\S]*acme +active +2/],
    "Every night": [/^30 2 \* \* \* .*TENANTCTL_TOKEN_FILE=\/.* backup --repo \/.* --recipients-file \//],
    "An off-site copy": [/^$/, /verified 3 files of 1 run, .*: the bytes that were stored/],
    "Verify and drill": [/whole, every part, count and digest[\s\S]*drilled 3 of .*: all restored and equal/],
    "Data loss": [
      /Cleo/,
      /delete[\s\S]*customer/,
      /suspended/,
      /complete/,
      /customers/,
      /app\.customers +2 +yes[\s\S]*Bob of acme[\s\S]*Ann of acme/,
      /app\.customers +2 +yes/,
      /Bob of acme[\s\S]*Ann of acme/,
      /restore/,
    ],
    "A tenant that was deleted for good": [/Ann of globex[\s\S]*active/],
    "How long backups are kept": [/daily/, /backed up [\s\S]*not expired/, /EXPIRES[\s\S]*backup/],
  },
  { skip },
);
