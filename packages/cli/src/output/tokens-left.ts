/** What people are told of tokens that outlive whoever made them; nothing where there are none. */
export const tokensLeftText = (count: unknown): string =>
  count === undefined || count === 0
    ? ""
    : ` ${count} ${count === 1 ? "token" : "tokens"} that they made for programs of tenants still work: \`tenantctl tokens list TENANT\` names them, \`tenantctl tokens revoke TENANT ID\` ends one.`;
