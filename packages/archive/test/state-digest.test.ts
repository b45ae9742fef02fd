import { describe, expect, it } from "vitest";
import { stateDigest } from "../src/state-digest.ts";

const tables = [
  { name: "app.users", digest: "aa" },
  { name: "app.customers", digest: "bb" },
  { name: 'shop."Ä"', digest: "cc" },
];

describe("the digest of a tenant's state", () => {
  it("does not depend on the order of the tables", () => {
    expect(stateDigest([...tables].reverse())).toBe(stateDigest(tables));
  });

  it("is another for other content, another table, and one table more or less", () => {
    const [first, ...rest] = tables;
    const others = [
      [{ name: "app.users", digest: "ab" }, ...rest],
      [{ name: "app.user", digest: "aa" }, ...rest],
      rest,
      [...tables, { name: "app.z", digest: "aa" }],
    ];
    expect(first).toBeDefined();
    expect(new Set([tables, ...others].map(stateDigest)).size).toBe(5);
  });
});
