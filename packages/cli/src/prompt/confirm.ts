import { exitCodes } from "@tenantctl/contract";
import { CliError, usage } from "../cli-error.ts";
import type { Confirmation } from "../command.ts";
import type { Output } from "../output/output.ts";
import type { Settings } from "../settings.ts";
import type { Asker } from "./asker.ts";

const declined = (hint: string): CliError =>
  new CliError("declined", exitCodes.declined, "declined: nothing was changed", hint);

/**
 * Asks before a step is taken. `--yes` answers; where nobody can be asked a reversible step goes on, and any other is a
 * usage error that names the flag.
 */
export const confirmStep = async (
  { question, reversible }: Confirmation,
  subject: string,
  { yes }: Settings,
  ask: Asker,
  preview: () => Promise<void>,
): Promise<void> => {
  if (yes) return;
  const asking = question.replace("%s", subject);
  if (!ask.possible) {
    if (reversible) return;
    throw usage(
      `confirmation is missing: ${asking}`,
      "Add --yes to do it without being asked; --dry-run shows what it would do.",
    );
  }
  await preview();
  if (!(await ask.confirm(asking))) throw declined("Run it again and answer y, or add --yes.");
};

/** What a typed slug consents to. */
export interface TypedConsent {
  /** "this <does>". */
  readonly does: string;
  readonly warning: string;
}

const removal = (slug: string): TypedConsent => ({
  does: `removes ${slug} for good`,
  warning: "This cannot be undone.",
});

/** Asks for the slug of what is removed for good, or whatever `consent` says; only `--confirm <slug>` answers in its place. */
export const confirmTyped = async (
  slug: string,
  given: string | undefined,
  ask: Asker,
  out: Output,
  preview: () => Promise<void>,
  consent: TypedConsent = removal(slug),
): Promise<void> => {
  if (given !== undefined) {
    if (given === slug) return;
    throw usage(`--confirm says "${given}", but this is ${slug}`, `If you mean it: --confirm ${slug}`);
  }
  if (!ask.possible)
    throw usage(
      `confirmation is missing: this ${consent.does}`,
      `Add --confirm ${slug}; --yes is not enough for this.`,
    );
  await preview();
  out.note(consent.warning);
  if ((await ask.text(`Type ${slug} to go on:`)).trim() !== slug)
    throw declined(`Run it again and type ${slug}, or add --confirm ${slug}.`);
};
