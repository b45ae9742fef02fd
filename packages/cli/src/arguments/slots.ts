import type { RouteShape } from "@tenantctl/contract";
import { usage } from "../cli-error.ts";
import type { Command, Positional } from "../command.ts";

/** A place for an argument without a flag. */
export type Slot = Positional;

/** Where a route asks for the tenant in its query, the tenant may be given as the first argument too. */
const leadingTenant: Slot = {
  name: "tenantId",
  label: "tenant",
  names: "tenant",
  optional: true,
  leading: true,
  help: "The tenant's id or slug",
};

/** A command's slots in order. */
export const slotsOf = ({ positional = [] }: Command, shape: RouteShape | undefined): Slot[] => {
  const takesTenant = Object.hasOwn(shape?.query?.properties ?? {}, "tenantId");
  return takesTenant && !positional.some(({ name }) => name === "tenantId")
    ? [leadingTenant, ...positional]
    : [...positional];
};

/** `[tenant] <id>` */
export const usageOf = (slots: readonly Slot[]): string =>
  slots.map(({ name, label = name, optional }) => (optional ? `[${label}]` : `<${label}>`)).join(" ");

/**
 * Which argument is for which slot. With more arguments than there are required slots, the first is the tenant. Gives a
 * usage error for an argument too many; missing ones are left to whoever can ask for them.
 */
export const matchSlots = (slots: readonly Slot[], args: readonly string[]): Map<string, string> => {
  const required = slots.filter(({ optional }) => !optional).length;
  const used = args.length > required ? slots : slots.filter(({ leading }) => !leading);
  if (args.length > used.length)
    throw usage(
      slots.length === 0
        ? `this command takes no arguments, and got "${args.join(" ")}"`
        : `too many arguments: this command takes ${usageOf(slots)}`,
    );
  return new Map(args.map((argument, index) => [used[index]?.name ?? "", argument]));
};
