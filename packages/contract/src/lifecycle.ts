/** The tenant lifecycle: the one table that the server, the CLI and the docs use. */
export const tenantStatuses = ["active", "suspended", "cancelled", "deleted", "purged"] as const;
export type TenantStatus = (typeof tenantStatuses)[number];

export const transitions = ["suspend", "reactivate", "cancel", "delete", "undelete", "purge"] as const;
export type Transition = (typeof transitions)[number];

export interface LifecycleState {
  /** May its users log in, read and write? */
  readonly serves: boolean;
  /** Who may export its data. */
  readonly exportBy: readonly ("tenant_admin" | "operator")[];
  /** The steps that lead out of this state; "former" is the state it was deleted from. */
  readonly steps: Readonly<Partial<Record<Transition, TenantStatus | "former">>>;
}

export const lifecycle = {
  active: {
    serves: true,
    exportBy: ["tenant_admin", "operator"],
    steps: { suspend: "suspended", cancel: "cancelled", delete: "deleted" },
  },
  suspended: {
    serves: false,
    exportBy: ["operator"],
    steps: { reactivate: "active", cancel: "cancelled", delete: "deleted" },
  },
  cancelled: { serves: false, exportBy: ["operator"], steps: { reactivate: "active", delete: "deleted" } },
  deleted: { serves: false, exportBy: ["operator"], steps: { undelete: "former", purge: "purged" } },
  purged: { serves: false, exportBy: [], steps: {} },
} as const satisfies Record<TenantStatus, LifecycleState>;

/** The state that a transition is named after: asking for it again changes nothing and is no error. */
export const settles: Readonly<Record<Transition, TenantStatus | undefined>> = {
  suspend: "suspended",
  reactivate: "active",
  cancel: "cancelled",
  delete: "deleted",
  undelete: undefined,
  purge: "purged",
};

/** The steps that a tenant in this state may take, for messages and prompts. */
export const allowedSteps = (status: TenantStatus): Transition[] => {
  const { steps }: LifecycleState = lifecycle[status];
  return transitions.filter((step) => steps[step] !== undefined);
};

/** Days that a soft-deleted tenant's data is kept unless the server is configured otherwise. */
export const defaultPurgeDays = 30;
