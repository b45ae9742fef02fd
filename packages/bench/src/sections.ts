import type { Section } from "./section.ts";
import { backup } from "./sections/backup.ts";
import { commands } from "./sections/commands.ts";
import { growth } from "./sections/growth.ts";
import { listAtScale } from "./sections/list-at-scale.ts";
import { neighbours } from "./sections/neighbours.ts";
import { overload } from "./sections/overload.ts";
import { requests } from "./sections/requests.ts";
import { restore } from "./sections/restore.ts";
import { roundTrips } from "./sections/round-trips.ts";
import { suspensions } from "./sections/suspensions.ts";
import { tenantList } from "./sections/tenant-list.ts";

/** What `pnpm bench` measures, in this order. */
export const sections: readonly Section[] = [
  requests,
  roundTrips,
  listAtScale,
  neighbours,
  commands,
  suspensions,
  tenantList,
  backup,
  restore,
];

/** What has to be asked for by its name: `pnpm bench NAME`. */
export const subcommands: readonly Section[] = [growth, overload];
