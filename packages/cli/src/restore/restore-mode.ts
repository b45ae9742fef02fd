import type { restoreModes } from "@tenantctl/contract";
import { usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";

/** What a restore is to do. `diff` only looks. */
export type TenantMode =
  | { readonly kind: "new"; readonly slug: string }
  | { readonly kind: "in-place" | "diff" }
  | { readonly kind: "original"; readonly slug: string | undefined };

export type RestoreMode = TenantMode | { readonly kind: "system" };

const choices = "--as-new SLUG, --in-place, --original, --diff or --system";

/** The one mode that the flags name; a usage error for none, for two, and for flags that belong to another. */
export const restoreMode = ({ flags }: Pick<Invocation, "flags">): RestoreMode => {
  const slug = textFlag(flags, "slug");
  const asNew = textFlag(flags, "asNew");
  const modes: RestoreMode[] = [
    ...(asNew === undefined ? [] : [{ kind: "new", slug: asNew } as const]),
    ...(flags.inPlace === true ? [{ kind: "in-place" } as const] : []),
    ...(flags.original === true ? [{ kind: "original", slug } as const] : []),
    ...(flags.diff === true ? [{ kind: "diff" } as const] : []),
    ...(flags.system === true ? [{ kind: "system" } as const] : []),
  ];
  const [mode, other] = modes;
  if (mode === undefined) throw usage("say how to restore", `Add one of ${choices}.`);
  if (other !== undefined) throw usage("several ways to restore are given", `Give one of ${choices}.`);
  if (slug !== undefined && mode.kind !== "original")
    throw usage("--slug goes with --original", "A copy's slug is that of --as-new.");
  if (flags.confirm !== undefined && mode.kind !== "in-place") throw usage("--confirm goes with --in-place");
  if (flags.backup === false && mode.kind !== "in-place") throw usage("--no-backup goes with --in-place");
  if (flags.expiresAfter !== undefined && (mode.kind !== "in-place" || flags.backup === false))
    throw usage("--expires-after goes with --in-place", "It is for the backup of the present state.");
  return mode;
};

/** The same for the API: which of its modes, and whether it only looks. */
export const queryOf = (
  mode: TenantMode,
  tenant: { readonly id: string; readonly slug: string },
  dryRun: boolean,
): { readonly mode: (typeof restoreModes)[number] } & Readonly<Record<string, unknown>> => {
  const look = dryRun ? { dryRun } : {};
  switch (mode.kind) {
    case "new":
      return { mode: "new", slug: mode.slug, ...look };
    case "original":
      return { mode: "original", ...(mode.slug === undefined ? {} : { slug: mode.slug }), ...look };
    case "in-place":
      return { mode: "in-place", tenant: tenant.id, confirm: tenant.slug, ...look };
    case "diff":
      return { mode: "in-place", tenant: tenant.id, confirm: tenant.slug, dryRun: true };
  }
};
