import { routes } from "@tenantctl/contract";
import { describe, expect, it } from "vitest";
import { fieldsOf } from "../src/arguments/field.ts";
import { durationMs, fieldValue } from "../src/arguments/field-value.ts";
import { matchSlots, slotsOf } from "../src/arguments/slots.ts";
import { commands as userCommands } from "../src/commands/users.ts";
import { apiAge } from "../src/session/version-check.ts";

const field = (id: keyof typeof routes, name: string) => {
  const found = fieldsOf(routes[id]).find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`${id} has no ${name}`);
  return found;
};
const noon = Date.parse("2025-12-01T12:00:00.000Z");

describe("what is typed after a flag", () => {
  it("may be a duration: what since looks back to, what ends lies ahead", () => {
    expect(fieldValue(field("audit.list", "since"), "24h", noon)).toBe("2025-11-30T12:00:00.000Z");
    expect(fieldValue(field("quotas.set", "expiresAt"), "7d", noon)).toBe("2025-12-08T12:00:00.000Z");
    expect(fieldValue(field("audit.list", "since"), "2025-12-01", noon)).toBe("2025-12-01T00:00:00.000Z");
    expect(durationMs("90s")).toBe(90_000);
  });

  it("may be unlimited where a limit may be null, and empty where a text may be", () => {
    expect(fieldValue(field("quotas.set", "limit"), "unlimited")).toBeNull();
    expect(fieldValue(field("customers.update", "phone"), "")).toBeNull();
    expect(fieldValue(field("customers.update", "phone"), "none")).toBe("none");
  });

  it("is refused with the flag's name where it does not fit", () => {
    expect(() => fieldValue(field("audit.list", "since"), "yesterday")).toThrow(/--since takes a time/);
    expect(() => fieldValue(field("tenants.list", "limit"), "many")).toThrow(/--limit takes a whole number/);
    expect(() => fieldValue(field("tenants.list", "limit"), "99999999999999999999")).toThrow(/--limit/);
    expect(() => fieldValue(field("users.create", "role"), "boss")).toThrow(/--role takes one of tenant_admin/);
  });
});

describe("arguments without a flag", () => {
  const show = userCommands.find(({ path }) => path[1] === "show");
  if (show === undefined) throw new Error("there is no users show");
  const slots = slotsOf(show, routes["users.get"]);

  it("begin with the tenant where there is one more than needed", () => {
    expect(Object.fromEntries(matchSlots(slots, ["acme", "ann@acme.com"]))).toEqual({
      tenantId: "acme",
      id: "ann@acme.com",
    });
    expect(Object.fromEntries(matchSlots(slots, ["ann@acme.com"]))).toEqual({ id: "ann@acme.com" });
    expect(() => matchSlots(slots, ["a", "b", "c"])).toThrow(
      /too many arguments: this command takes \[tenant\] <user>/,
    );
  });
});

describe("versions", () => {
  it("differ by major and minor, not by patch", () => {
    expect(apiAge("0.1.9", "0.1.0")).toBe("same");
    expect(apiAge("0.1.0", "0.2.0")).toBe("older");
    expect(apiAge("1.0.0", "0.9.0")).toBe("newer");
    expect(apiAge(null, "0.1.0")).toBe("same");
    expect(apiAge("nonsense", "0.1.0")).toBe("same");
  });
});
