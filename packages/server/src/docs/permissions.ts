import { type RouteShape, routeIds, routes, scopeBundles, tenantRoles } from "@tenantctl/contract";

const columns = ["Call", "What it does", ...tenantRoles, "operator", "scope of a token"] as const;

const cellsOf = ({ method, path, summary, access }: RouteShape): string[] => {
  const call = `\`${method} ${path}\``;
  const own = (word: string): string[] => tenantRoles.map(() => word);
  switch (access.kind) {
    case "public":
      return [call, summary, ...own("anybody"), "anybody", "none needed"];
    case "session":
      return [call, summary, ...own("themselves"), "themselves", "not with a token"];
    case "operator":
      return [call, summary, ...own("–"), "yes", `\`${access.scope}\``];
    case "tenant":
      return [
        call,
        summary,
        ...tenantRoles.map((role) => (access.roles.includes(role) ? "own tenant" : "–")),
        access.operatorNeedsTenant ? "with `tenantId`" : "all, or with `tenantId`",
        `\`${access.scope}\``,
      ];
  }
};

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** The permission matrix, as docs/permissions.md holds it. */
export const permissionsPage = (): string =>
  [
    "# Who may call what",
    "",
    "Made from the contract; `pnpm test` fails while it is out of date, and `UPDATE_DOCS=1 npx vitest run packages/server/test/permissions.test.ts` writes it anew.",
    "",
    "A session has what its role has. A token has its scopes only, never more than its maker's tenant: a tenant's token",
    "acts in its own tenant, an operator's token where an operator may.",
    "",
    row(columns),
    row(columns.map(() => "---")),
    ...routeIds.map((id) => row(cellsOf(routes[id]))),
    "",
    "Names for several scopes at once:",
    "",
    ...Object.entries(scopeBundles).map(
      ([name, scopes]) =>
        `- \`${name}\`: ${name === "all" ? "every scope" : scopes.map((scope) => `\`${scope}\``).join(", ")}`,
    ),
    "",
  ].join("\n");
