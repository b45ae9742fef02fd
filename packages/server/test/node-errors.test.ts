import { expect, it } from "vitest";
import { asContractError } from "../src/problem.ts";

const codeOf = (fields: object): string => asContractError(Object.assign(new Error(), fields)).code;
const duplicate = (name: string) => `duplicate key value violates unique constraint "${name}"`;

// A node of Citus passes errors on without the name of the constraint.
it("errors of another node are those of this one", () => {
  expect(codeOf({ code: "23505", constraint: "users_email", message: duplicate("users_email") })).toBe("email_taken");
  expect(codeOf({ code: "23505", message: duplicate("users_email_102038") })).toBe("email_taken");
  const full = '{"used": 5, "limit": 5, "resource": "users"}';
  expect(codeOf({ code: "TN000", message: "The quota of 5 users is reached.", detail: full })).toBe("quota_exceeded");
});

it("what names nothing that is known stays a fault", () => {
  expect(codeOf({ code: "TN000", message: "Something else." })).toBe("internal");
  expect(codeOf({ code: "23505", message: duplicate("others_7") })).toBe(
    codeOf({ code: "23505", constraint: "others", message: duplicate("others") }),
  );
});
