import { exitCodes } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import { cleanLine } from "../output/clean.ts";
import { quoted } from "../output/output.ts";
import type { Api } from "../session/api.ts";

export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

/** The id of a user (of a tenant) or operator with this e-mail. Gives exit 6 where there is none. */
export const idByEmail = async (
  api: Api,
  who: "user" | "operator",
  email: string,
  tenantId: unknown,
): Promise<string> => {
  const route = who === "user" ? "users.list" : "operators.list";
  let cursor: string | undefined;
  do {
    const query = { ...(who === "user" && tenantId !== undefined ? { tenantId } : {}), ...(cursor ? { cursor } : {}) };
    const { text, next } = await api.text(route, { query: { ...query, limit: 1000 } });
    const rows: { id: string; email: string }[] = JSON.parse(text);
    const found = rows.find((row) => row.email.toLowerCase() === email.trim().toLowerCase());
    if (found !== undefined) return found.id;
    cursor = next;
  } while (cursor !== undefined);
  throw new CliError(
    "not_found",
    exitCodes.notFound,
    `no ${who} has the id or e-mail ${quoted(email)}`,
    who === "user"
      ? `\`${typeof tenantId === "string" ? `tenantctl users list ${cleanLine(tenantId)}` : "tenantctl users list"}\` shows the tenant's users.`
      : "`tenantctl operators list` shows them.",
  );
};
