import { ContractError, errors, type RouteShape, routes, type TriedCommand } from "@tenantctl/contract";
import type { Api } from "../session/api.ts";
import { type GuideStep, guideSteps } from "./guide-steps.ts";

type Paths = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const longest = 300;

/** What the server says it has, by path and method. */
const declaredPaths = async (api: Api): Promise<Paths> => {
  const document: unknown = await (await api.request("GET", "/openapi.json")).json();
  return typeof document === "object" && document !== null && "paths" in document ? (document.paths as Paths) : {};
};

const anyTenant = async (api: Api): Promise<string | undefined> => {
  const [tenant] = await api.call("tenants.list", { query: { status: "active", limit: 1 } });
  return tenant?.id;
};

const isDeclared = (paths: Paths, { method, path }: RouteShape): boolean =>
  paths[path.replace(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()] !== undefined;

/** Calls a step that only reads, and reads its answer to the end. Throws what the server refused. */
const call = async (api: Api, path: string): Promise<Pick<TriedCommand, "outcome" | "detail">> => {
  const text = await (await api.request("GET", path)).text();
  try {
    JSON.parse(text);
    return { outcome: "ok" };
  } catch {
    return { outcome: "failed", detail: `GET ${path} answers no JSON` };
  }
};

const tryStep = async (
  api: Api,
  paths: Paths,
  tenant: string | undefined,
  { route, call: path }: GuideStep,
): Promise<Pick<TriedCommand, "outcome" | "detail">> => {
  const shape: RouteShape = routes[route];
  if (!isDeclared(paths, shape))
    return { outcome: "failed", detail: `the server has no ${shape.method} ${shape.path}` };
  if (path === undefined) return { outcome: "ok" };
  if (path.includes("{tenant}") && tenant === undefined)
    return { outcome: "skipped", detail: "there is no active tenant" };
  try {
    return await call(api, path.replaceAll("{tenant}", tenant ?? ""));
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    const refused = error.code === "forbidden" || error.code === "scope_missing";
    const detail = `GET ${path}: ${errors[error.code].status}, ${error.message}`.slice(0, longest);
    return { outcome: refused ? "not_allowed" : "failed", detail };
  }
};

/** Tries each step of the guide against the server, one after the other. */
export const tryGuide = async (api: Api): Promise<TriedCommand[]> => {
  const [paths, tenant] = [await declaredPaths(api), await anyTenant(api).catch(refusedAsNone)];
  const tried: TriedCommand[] = [];
  for (const step of guideSteps) tried.push({ command: step.step, ...(await tryStep(api, paths, tenant, step)) });
  return tried;
};

/** A login that may not list tenants has none to try the steps with. */
const refusedAsNone = (error: unknown): undefined => {
  if (error instanceof ContractError && (error.code === "forbidden" || error.code === "scope_missing"))
    return undefined;
  throw error;
};
