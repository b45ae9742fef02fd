import { cleanLine } from "../output/clean.ts";
import type { Output } from "../output/output.ts";
import type { Api } from "../session/api.ts";

/** What a tenant holds, as far as the server tells. */
export interface Impact {
  readonly slug: string;
  readonly lines: readonly (readonly [label: string, value: string])[];
}

const minute = (iso: string | null): string => iso?.slice(0, 16).replace("T", " ").concat(" UTC") ?? "never";

/** What would be touched: the tenant as it is, and the rows of a server dry run where there is one. */
export const impactOn = async (
  api: Api,
  tenant: string,
  rows?: Readonly<Record<string, number>> | null,
): Promise<Impact> => {
  const details = await api.call("tenants.get", { params: { id: tenant } });
  const held = details.quotas
    .filter(({ resource }) => resource === "users" || resource === "customers")
    .map(({ resource, used }) => `${resource} ${used}`);
  const removed = Object.entries(rows ?? {})
    .filter(([, count]) => count > 0)
    .map(([table, count]) => `${table} ${count}`);
  return {
    slug: details.slug,
    lines: [
      ["tenant", `${details.slug} (${details.name})`],
      ["status", details.status],
      ["users", `${details.users}, ${details.activeSessions} sessions open`],
      ["rows", (rows ? removed : held).join(", ") || "none"],
      ["last login", minute(details.lastLoginAt)],
      ["last backup", minute(details.backup.lastBackupAt)],
      ...(details.legalHold === null ? [] : [["legal hold", details.legalHold] as const]),
    ],
  };
};

/** Prints an impact on stderr, in front of a question. */
export const showImpact = ({ lines }: Impact, out: Output): void => {
  const widest = Math.max(...lines.map(([label]) => label.length));
  for (const [label, value] of lines) out.note(`  ${label.padEnd(widest)}  ${cleanLine(value)}`);
};
