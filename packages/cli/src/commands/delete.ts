import { exitCodes } from "@tenantctl/contract";
import { CliError, usage } from "../cli-error.ts";
import { defineCommands } from "../command.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { followOperation } from "../operations/follow.ts";
import { shownOperation } from "../operations/shown-operation.ts";
import { confirmStep, confirmTyped } from "../prompt/confirm.ts";
import { impactOn, showImpact } from "../prompt/impact.ts";
import { printAnswer } from "../run-route.ts";
import type { Api } from "../session/api.ts";

interface Deletion {
  readonly slug: string;
  readonly rows: Readonly<Record<string, number>> | null;
  readonly operation: { readonly id: string; readonly status: string } | null;
}

/** Waits for the end of a hard delete. Throws, exit 1, where it failed or was cancelled. */
const followed = async (api: Api, id: string, note: (line: string) => void): Promise<string> => {
  const text = await followOperation(api, id, "the hard delete", note);
  const { status, error } = JSON.parse(text) as { status: string; error: string | null };
  if (status === "succeeded") return text;
  throw new CliError(
    "operation_failed",
    exitCodes.unexpected,
    `the hard delete ${status === "failed" ? `failed: ${error ?? "no reason given"}` : "was cancelled"}`,
    "What was removed stays removed; run the same command again to finish it.",
  );
};

const confirmDelete = async (
  invocation: Invocation,
  api: Api,
  id: string,
  hard: boolean,
  body: object,
): Promise<void> => {
  const { settings, ask, out, flags } = invocation;
  if (!hard) {
    const preview = async (): Promise<void> => showImpact(await impactOn(api, id), out);
    return confirmStep({ question: "Delete %s?", reversible: false }, id, settings, ask, preview);
  }
  const confirm = textFlag(flags, "confirm");
  if (confirm === undefined && !ask.possible)
    throw usage(
      "confirmation is missing: a hard delete removes the data for good",
      "Add --confirm <slug>; --yes is not enough for this.",
    );
  // The slug is the server's, however the tenant was named.
  const planned = JSON.parse(
    (await api.text("tenants.delete", { params: { id }, query: { dryRun: true }, body: { ...body } })).text,
  ) as Deletion;
  return confirmTyped(planned.slug, confirm, ask, out, async () =>
    showImpact(await impactOn(api, id, planned.rows), out),
  );
};

const certificateHint = (operation: unknown): string =>
  typeof operation === "object" && operation !== null && "id" in operation
    ? ` Certificate: tenantctl operations certificate ${operation.id}`
    : "";

const run = async (invocation: Invocation): Promise<number> => {
  const { route, input } = await invocation.gathered();
  const api = await invocation.api();
  const id = String(input.params.id);
  const hard = input.body?.hardDelete === true;
  if (input.body?.force === true && !hard)
    throw usage("--force is for a hard delete", "Add --hard, or leave --force out.");
  if (input.query.dryRun !== true) await confirmDelete(invocation, api, id, hard, input.body ?? {});
  const { text } = await api.text(route, input);
  const deletion = JSON.parse(text) as Deletion;
  const { operation } = deletion;
  const isOver = operation === null || operation.status === "succeeded" || input.query.dryRun === true;
  const pending = isOver ? undefined : operation.id;
  if (pending === undefined || invocation.flags.wait === false) {
    await printAnswer(invocation, route, [text]);
    if (pending !== undefined) invocation.out.note(`still under way: tenantctl operations show ${pending}`);
    return 0;
  }
  const outcome = await followed(api, pending, invocation.out.note);
  const properties = Object.keys(JSON.parse(outcome));
  await invocation.out.record(outcome, { cells: [], shown: shownOperation, properties });
  invocation.out.note(`removed ${deletion.slug} for good.${certificateHint({ id: pending })}`);
  return 0;
};

export const commands = defineCommands([
  {
    path: ["delete"],
    route: "tenants.delete",
    positional: [{ name: "id", label: "tenant", names: "tenant" }],
    aliases: { hardDelete: "hard" },
    cells: [{ key: "status", as: "status" }],
    shown: ["slug", "name", "status", "purgeAt", "sessionsEnded", "rows"],
    flags: [
      { flags: "--confirm <slug>", help: "The tenant's slug, in place of typing it for a hard delete" },
      { flags: "--no-wait", help: "Don't wait for a hard delete that goes on as an operation" },
    ],
    done: ({ slug, hard, purgeAt, operation }) =>
      hard === true
        ? `removed ${slug} for good.${certificateHint(operation)}`
        : `deleted ${slug}; its data is kept until ${String(purgeAt).slice(0, 10)}. Undo: tenantctl undelete ${slug}`,
    run,
    examples: [
      "delete acme",
      "delete acme --yes --reason 'asked for by the customer'",
      "delete acme --hard --dry-run",
      "delete acme --hard --confirm acme",
      "delete acme --hard --force --confirm acme",
    ],
  },
]);
