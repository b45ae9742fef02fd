import type { Size } from "./section.ts";

/** How much backup and restore are measured with. */
export interface Sizes {
  readonly tenants: number;
  readonly customersEach: number;
  /** Customers of the one tenant that is restored. */
  readonly restoredRows: number;
  /** How often each candidate runs; they take turns. */
  readonly rounds: number;
}

/** What the targets were set for. */
const usual: Sizes = { tenants: 1000, customersEach: 1000, restoredRows: 1_000_000, rounds: 3 };

/** Still large enough that starting processes does not outweigh the work of a restore; it does for a backup. */
const quick: Sizes = { tenants: 50, customersEach: 1000, restoredRows: 150_000, rounds: 3 };

export const sizesOf = (size: Size): Sizes => (size === "quick" ? quick : usual);
