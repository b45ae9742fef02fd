import { type RouteId, type RouteShape, routes } from "@tenantctl/contract";
import { usage } from "../cli-error.ts";
import type { Command } from "../command.ts";
import type { Asker } from "../prompt/asker.ts";
import { chooseTenant } from "../prompt/choose-tenant.ts";
import type { Api } from "../session/api.ts";
import { camel, type Field, fieldsOf } from "./field.ts";
import { fieldValue } from "./field-value.ts";
import { idByEmail, isUuid } from "./lookup.ts";
import { inputOf, type RouteInput } from "./route-input.ts";
import { fileFlag, readSecrets, stdinFlag } from "./secrets.ts";
import { matchSlots, type Slot, slotsOf } from "./slots.ts";

export interface Gathered {
  readonly route: RouteId;
  readonly input: RouteInput;
}

interface Sources {
  readonly command: Command;
  readonly args: readonly string[];
  readonly flags: Readonly<Record<string, unknown>>;
  readonly ask: Asker;
  readonly api: () => Promise<Api>;
}

/** Does this login have to say which tenant? A tenant's own needn't, and for tokens the server knows. */
const mustNameTenant = ({ access }: RouteShape, login: Api["login"]): boolean =>
  access.kind === "tenant" && access.operatorNeedsTenant && login === "operator";

const askFor = async (field: Field, ask: Asker): Promise<unknown> => {
  const message = field.help === "" ? field.flag : `${field.help}:`;
  if (field.secret) return ask.secret(message);
  if (field.kind === "choice") return ask.choose(message, field.choices);
  const validate = (text: string): true | string => {
    if (text === "") return "An answer is needed.";
    try {
      fieldValue(field, text);
      return true;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  return fieldValue(field, await ask.text(message, { validate }), Date.now());
};

/** Plans are few: they are chosen, not typed. */
const choosePlan = async (field: Field, ask: Asker, api: Api): Promise<string> => {
  const plans = await api.call("plans.list");
  return ask.choose(
    `${field.help}:`,
    plans.map(({ name }) => name),
  );
};

const describe = (field: Field, slot: Slot | undefined, secrets: readonly Field[]): string => {
  if (slot !== undefined) return field.name === "tenantId" ? "--tenant" : `<${slot.label ?? slot.name}>`;
  if (!field.secret) return `--${field.flag}`;
  return secrets.length > 1 ? `--${fileFlag(field, secrets)}` : `--${stdinFlag(secrets)} (or a file)`;
};

/**
 * A call's params, query and body: from arguments, flags, files and standard input, then by asking for what is missing.
 * Where nobody can be asked, a usage error names every flag that is missing.
 */
export const gather = async ({ command, args, flags, ask, api }: Sources): Promise<Gathered> => {
  const { route, tenantRoute = route, fixed = {}, secrets } = command;
  if (route === undefined || tenantRoute === undefined) throw new Error(`${command.path.join(" ")} has no route`);
  const widest: RouteShape = routes[tenantRoute];
  const slots = slotsOf(command, widest);
  const given = matchSlots(slots, args);
  const values = new Map<string, unknown>(Object.entries(fixed));
  const fields = fieldsOf(widest, secrets);

  for (const field of fields) {
    const typed = given.get(field.name);
    const flagged = field.secret ? undefined : flags[camel(field.flag)];
    if (typed !== undefined && flagged !== undefined && typed !== flagged)
      throw usage(`--${field.flag} and the argument "${typed}" say different things`, "Give one of them.");
    const text = typed ?? flagged;
    if (typeof text === "string") values.set(field.name, fieldValue(field, text));
    else if (Array.isArray(text))
      values.set(
        field.name,
        text.flatMap((item) => fieldValue(field, String(item))),
      );
    else if (typeof text === "boolean") values.set(field.name, text);
  }
  for (const [name, secret] of await readSecrets(
    fields.filter(({ secret }) => secret),
    flags,
  ))
    values.set(name, secret);

  const isPublic = widest.access.kind === "public";
  const login = isPublic ? "none" : (await api()).login;
  const chosen = tenantRoute !== route && !values.has("tenantId") && login !== "tenant" ? route : tenantRoute;
  const shape: RouteShape = routes[chosen];
  const asked = chosen === route ? fieldsOf(shape, secrets) : fields;

  const missing = asked.filter(
    ({ name, required }) =>
      !values.has(name) &&
      (required || (name === "tenantId" && chosen === tenantRoute && mustNameTenant(shape, login))),
  );
  // A secret on a terminal's standard input is asked for although the route could do without.
  const askedSecrets = asked.filter(({ secret }) => secret);
  if (flags[camel(stdinFlag(askedSecrets))] === true)
    missing.push(...asked.filter((field) => field.secret && !values.has(field.name) && !missing.includes(field)));
  const slotFor = ({ name }: Field): Slot | undefined => slots.find((slot) => slot.name === name);
  if (missing.length > 0 && !ask.possible)
    throw usage(
      `missing: ${missing.map((field) => describe(field, slotFor(field), askedSecrets)).join(", ")}`,
      "Nobody can be asked here, so give it on the command line; --help shows how.",
    );
  for (const field of missing) {
    const isTenant = slotFor(field)?.names === "tenant" || field.name === "tenantId";
    values.set(
      field.name,
      isTenant
        ? await chooseTenant(await api(), ask)
        : field.name === "plan"
          ? await choosePlan(field, ask, await api())
          : await askFor(field, ask),
    );
  }

  // People are named by their e-mail as well as by their id.
  for (const { name, names } of slots) {
    const value = values.get(name);
    if ((names === "user" || names === "operator") && typeof value === "string" && !isUuid(value))
      values.set(name, await idByEmail(await api(), names, value, values.get("tenantId")));
  }
  return { route: chosen, input: inputOf(asked, values) };
};
