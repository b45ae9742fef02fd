import { ContractError } from "@tenantctl/contract";

/** Why a tenant takes no writes for a while: stored in `app.tenants.hold`, which every write's entry check looks at. */
export interface Hold {
  readonly kind: string;
  readonly operationId?: string;
  /** The operation has stopped (cancelled or failed) after it had removed rows: only another hard delete goes on. */
  readonly partlyRemoved?: boolean;
  /** What stood here when the operation began, and stands here again where it ends without a change. */
  readonly before?: Hold | null;
}

export const hardDeleteKind = "hard_delete";

/** Refuses to bring back or change a tenant of whose data a part is gone already. Throws transition_forbidden. */
export const refusePartlyRemoved = ({ slug, hold }: { slug: string; hold: Hold | null }): void => {
  if (hold?.partlyRemoved !== true) return;
  throw new ContractError(
    "transition_forbidden",
    "Part of this tenant's data has been removed for good; allowed now: purge.",
    `Finish it with \`tenantctl delete ${slug} --hard\`; what is left can be exported before.`,
  );
};
