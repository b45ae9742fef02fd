import { ContractError } from "@tenantctl/contract";
import { failureOf } from "../report-error.ts";
import type { Api } from "../session/api.ts";
import { onFarewell } from "../signals.ts";
import { withRetries } from "./transience.ts";

/** The lock that one run in the whole system holds. */
export interface Lease {
  readonly id: string;
  release(): Promise<void>;
}

export interface LeaseOptions {
  readonly api: Api;
  /** Who this is, for whoever comes second. */
  readonly holder: string;
  /** The lease of a process that is known to be dead. */
  readonly abandoned: string | null;
  /** Told when it is somebody else's now. */
  readonly onLost: (error: unknown) => void;
}

const seconds = 60;
/** Three chances before it ends. */
const renewMs = 20_000;

const isLost = (error: unknown): boolean => error instanceof ContractError && error.code === "lease_lost";

const acquire = ({ api, holder }: LeaseOptions): Promise<string> =>
  withRetries(async () => (await api.call("backups.acquire", { body: { holder: holder.slice(0, 200), seconds } })).id);

/** Takes the lease and keeps it until it is released. Throws `lease_held` (exit 11), which names the holder. */
export const takeLease = async (options: LeaseOptions): Promise<Lease> => {
  const { api, abandoned, onLost } = options;
  if (abandoned !== null) await api.call("backups.release", { params: { id: abandoned } }).catch(() => undefined);
  let id = await acquire(options);
  let over = false;
  const renew = async (): Promise<void> => {
    try {
      await api.call("backups.renew", { params: { id }, body: { seconds } });
    } catch (error) {
      // An API that does not answer now may answer next time; until then nobody else can take it either.
      if (!isLost(error) || over) return;
      // It ran out while the API was away: if nobody else has it, it is taken anew.
      await acquire(options).then(
        (next) => {
          id = next;
        },
        (cause) => {
          if (failureOf(cause).code === "lease_held" && !over) onLost(cause);
        },
      );
    }
  };
  const beat = setInterval(() => void renew(), renewMs);
  beat.unref();
  const release = async (): Promise<void> => {
    over = true;
    clearInterval(beat);
    takeBack();
    await api.call("backups.release", { params: { id } }).catch(() => undefined);
  };
  const takeBack = onFarewell(release);
  return {
    get id() {
      return id;
    },
    release,
  };
};
