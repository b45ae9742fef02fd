import type { App } from "../app.ts";

/**
 * Sends what is due, in this process beside others. Resolves once nothing is due any more, which takes as long as the slowest
 * receiver: whoever only wants to have it begun does not wait. Never rejects.
 */
export const deliverDue = ({ deliverer }: Pick<App, "deliverer">): Promise<void> => deliverer.run();
