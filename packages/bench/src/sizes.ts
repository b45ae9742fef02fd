/** How much is measured. */
export interface Sizes {
  readonly tenants: number;
  readonly customersEach: number;
  /** Customers of the one tenant that is restored. */
  readonly restoredRows: number;
  /** How often each candidate runs; they take turns. */
  readonly rounds: number;
}

export const fullSizes: Sizes = { tenants: 1000, customersEach: 1000, restoredRows: 1_000_000, rounds: 3 };

/** For a look in between: its ratios say little, since starting processes weighs more than the work. */
export const quickSizes: Sizes = { tenants: 50, customersEach: 1000, restoredRows: 50_000, rounds: 3 };
