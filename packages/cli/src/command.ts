import type { RouteId } from "@tenantctl/contract";
import type { Invocation } from "./invocation.ts";
import type { Column } from "./output/column.ts";

/** An argument without a flag: a property of the route, or for a local command just a name. */
export interface Positional {
  readonly name: string;
  /** What help calls it; the property's name unless said. */
  readonly label?: string;
  /** What it names: tenants can be chosen from a list, people can be named by their e-mail. */
  readonly names?: "tenant" | "user" | "operator";
  readonly optional?: boolean;
  /** It has its flag as well, and stands first. */
  readonly leading?: boolean;
  readonly help?: string;
}

/** A flag that is not a property of the route. */
export interface OwnFlag {
  /** As commander writes it: `-f, --file <path>`. */
  readonly flags: string;
  readonly help: string;
  readonly choices?: readonly string[];
}

/** What is asked before the step is taken. Reversible steps ask on a terminal only; others need `--yes` without one. */
export interface Confirmation {
  readonly question: string;
  readonly reversible: boolean;
  /** Show what the tenant named first holds, and what would end. */
  readonly impact?: "tenant";
}

/**
 * One operator step as data. Its flags, checks and prompts come from the route's schemas; `run` is for steps that are
 * more than one call.
 */
export interface Command {
  readonly path: readonly string[];
  readonly route?: RouteId;
  /** Called instead of `route` where a tenant is named or the login is a tenant's. */
  readonly tenantRoute?: RouteId;
  /** Other routes that `run` calls, for the check that every route has a command. */
  readonly covers?: readonly RouteId[];
  readonly summary?: string;
  readonly description?: string;
  readonly examples: readonly string[];
  readonly positional?: readonly Positional[];
  /** Second names of flags, by property. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Properties that the command sets itself; they have no flag. */
  readonly fixed?: Readonly<Record<string, unknown>>;
  readonly flags?: readonly OwnFlag[];
  /** Properties that are secrets although the schema does not say writeOnly. */
  readonly secrets?: readonly string[];
  /** Columns of a list; without them the answer is one record. */
  readonly columns?: readonly Column[];
  /** Said on stderr when a list is empty. */
  readonly empty?: string;
  /** How single properties of a record are written; all others by their type. */
  readonly cells?: readonly Column[];
  /** The properties of a record that a table shows; all unless said. Data formats always carry all. */
  readonly shown?: readonly string[];
  readonly confirm?: Confirmation;
  /** One line on stderr once it is done. */
  readonly done?: (data: Readonly<Record<string, unknown>>) => string | undefined;
  /** What is said instead where the step changed nothing. */
  readonly unchanged?: (data: Readonly<Record<string, unknown>>) => string;
  /** Left out of help and completion. */
  readonly hidden?: boolean;
  /** Instead of one call; gives the exit code. */
  readonly run?: (invocation: Invocation) => Promise<number>;
}

/** Declares a module's commands and keeps the names of their routes for the coverage check. */
export const defineCommands = <const C extends readonly Command[]>(commands: C): C => commands;
