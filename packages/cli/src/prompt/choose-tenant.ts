import { usage } from "../cli-error.ts";
import { cleanLine } from "../output/clean.ts";
import { cut } from "../output/cut.ts";
import type { Api } from "../session/api.ts";
import type { Asker } from "./asker.ts";

/** A tenant's slug, chosen from a list that narrows as one types. */
export const chooseTenant = async (api: Api, ask: Asker): Promise<string> => {
  const any = await api.call("tenants.list", { query: { limit: 1 } });
  if (any.length === 0) throw usage("there is no tenant yet", "Make one: `tenantctl provision`.");
  return ask.search("Which tenant?", async (term) => {
    const search = term.trim();
    const tenants = await api.call("tenants.list", { query: { limit: 50, ...(search === "" ? {} : { search }) } });
    return tenants.map(({ slug, name, status, plan }) => ({
      value: slug,
      // One line each, beside the marker.
      name: cut(cleanLine(`${slug}  ${name}`), (process.stderr.columns ?? 80) - 3),
      description: cleanLine(`${status}, ${plan}`),
    }));
  });
};
