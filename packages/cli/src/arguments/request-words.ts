import { ContractError, type RouteShape, routes } from "@tenantctl/contract";
import type { Command } from "../command.ts";
import { type Field, fieldsOf } from "./field.ts";
import { fileFlag } from "./secrets.ts";
import { slotsOf } from "./slots.ts";

/** What a person typed for a property: an argument, a flag, or the file of a secret. */
const typedAs = (field: Field, command: Command, fields: readonly Field[], shape: RouteShape): string => {
  const slot = slotsOf(command, shape).find(({ name }) => name === field.name);
  if (slot !== undefined) return `<${slot.label ?? slot.name}>`;
  const secrets = fields.filter(({ secret }) => secret);
  return `--${field.secret ? fileFlag(field, secrets) : (command.aliases?.[field.name] ?? field.flag)}`;
};

/** The command that lists what an id was wanted of, as a next step; undefined where there is none beside this one. */
const listOf = ({ path }: Command): string | undefined =>
  path[0] === "logs" ? "logs errors" : path[0] === "check" ? "check history" : path[0] && `${path[0]} list`;

/**
 * A request that the API refused as not valid, in the words of the command: it speaks of `body.contactEmail`, but
 * `--contact-email` was typed. Any other error comes back as it is.
 */
export const inTypedWords = (error: unknown, command: Command): unknown => {
  const route = command.tenantRoute ?? command.route;
  if (!(error instanceof ContractError) || error.code !== "invalid_request" || route === undefined) return error;
  const shape: RouteShape = routes[route];
  const fields = fieldsOf(shape, command.secrets);
  let wantsId = false;
  const faults = (error.faults ?? []).map(({ path, message }) => {
    const [part, name] = path.split(".");
    const place = part === "querystring" ? "query" : part;
    const field = fields.find((one) => one.place === place && one.name === name);
    if (field === undefined) return { path, message, known: false };
    const isId = place === "params" && (name === "id" || name === "fingerprint");
    wantsId ||= isId;
    return { path: typedAs(field, command, fields, shape), message: isId ? "is no id" : message, known: true };
  });
  const [first] = faults;
  if (first === undefined || faults.some(({ known }) => !known)) return error;
  const list = wantsId ? listOf(command) : undefined;
  return new ContractError(
    "invalid_request",
    `${first.path} ${first.message}.`,
    // What the API says beyond its documentation knows more than the flags' help.
    list !== undefined
      ? `\`tenantctl ${list} -o json\` shows the ids.`
      : error.hint.startsWith("`/docs`")
        ? `\`tenantctl ${command.path.join(" ")} --help\` shows what it takes.`
        : error.hint,
    { faults: faults.map(({ path, message }) => ({ path, message })), cause: error },
  );
};
