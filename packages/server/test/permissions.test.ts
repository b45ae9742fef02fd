import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { permissionsPage } from "../src/docs/permissions.ts";

const file = fileURLToPath(new URL("../../../docs/permissions.md", import.meta.url));

it("docs/permissions.md is what the contract says", () => {
  if (process.env.UPDATE_DOCS === "1") writeFileSync(file, permissionsPage());
  expect(readFileSync(file, "utf8")).toBe(permissionsPage());
});
