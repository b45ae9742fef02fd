import { ContractError, formWords } from "@tenantctl/contract";
import { Ajv, type ErrorObject } from "ajv";
import formats from "ajv-formats";
import fastJson, { type Schema } from "fast-json-stringify";
import type { FastifyInstance, FastifySchemaValidationError } from "fastify";

const common = {
  allErrors: false,
  removeAdditional: false,
  useDefaults: false,
  strict: true,
  strictTypes: false,
} as const;

const addFormats = (ajv: Ajv): Ajv => {
  formats.default(ajv, ["date-time"]);
  return ajv;
};

/** What stands in a URL is text and is read as the type it should be; what stands in a body must have that type. */
const strictTypes = addFormats(new Ajv({ ...common, coerceTypes: false }));
const textTypes = addFormats(
  // By default limits are not looked at for an infinite number, which a text such as 1e400 becomes.
  new Ajv({ ...common, coerceTypes: true, strictNumbers: false }),
);

const fault = (error: ErrorObject, part: string) => {
  const field =
    error.keyword === "additionalProperties"
      ? String(error.params.additionalProperty)
      : error.keyword === "required"
        ? String(error.params.missingProperty)
        : "";
  const path = [part, ...error.instancePath.split("/").slice(1), ...(field === "" ? [] : [field])].join(".");
  const allowed =
    error.keyword === "enum" && Array.isArray(error.params.allowedValues)
      ? `: ${error.params.allowedValues.join(", ")}`
      : "";
  const message =
    error.keyword === "additionalProperties"
      ? "is not a known field"
      : error.keyword === "required"
        ? "is missing"
        : error.keyword === "pattern"
          ? formWords(error.params.pattern)
          : `${error.message ?? "is not valid"}${allowed}`;
  return { path, message };
};

/** Validates with the contract's schemas; unknown fields are refused, nothing is stripped or filled in. */
export const useContractValidation = (fastify: FastifyInstance): void => {
  fastify.setValidatorCompiler(({ schema, httpPart }) => {
    const validate = (httpPart === "body" ? strictTypes : textTypes).compile(schema);
    return (data: unknown) =>
      // The faults as they are: an Error in their place would not get to the formatter below.
      validate(data) ? { value: data } : { error: (validate.errors ?? []) as FastifySchemaValidationError[] };
  });
  // Most answers leave as the text that PostgreSQL made. Writers of all others, compiled at the start, took 10 MiB that stay.
  fastify.setSerializerCompiler(({ schema }) => {
    let write: ((data: unknown) => string) | undefined;
    return (data) => {
      write ??= fastJson(schema as Schema);
      return write(data);
    };
  });
  fastify.setSchemaErrorFormatter((found, part) => {
    // Of a value that may also be null, what it should be instead of null is the fault.
    const faults = (found as ErrorObject[])
      .filter(({ keyword, params }, _, { length }) => length === 1 || !(keyword === "anyOf" || params.type === "null"))
      .map((error) => fault(error, part));
    const first = faults[0];
    return new ContractError(
      "invalid_request",
      first === undefined ? "The request is not valid." : `${first.path} ${first.message}.`,
      "`/docs` describes each request.",
      { faults },
    );
  });
};
