import { type Access, pathOf, type RouteId, type RouteShape, routeIds, routes, scopes } from "@tenantctl/contract";
import type { Reply } from "../fixture/server.ts";
import { type Prepared, routeCases } from "./route-cases.ts";
import type { Caller, CallerKind, World, WorldTenant } from "./world.ts";

/** A route as the walk sees it: its general shape, not its exact types. */
export const shapeOf = (id: RouteId): RouteShape => routes[id];

export const routesWith = (condition: (shape: RouteShape) => boolean): RouteId[] =>
  routeIds.filter((id) => condition(shapeOf(id)));

/** Who may call a route of this access. */
export const allowedKinds = (access: Access): readonly CallerKind[] => {
  switch (access.kind) {
    case "public":
      return ["anonymous"];
    case "session":
      return ["operator", "tenantAdmin", "supportAgent"];
    case "operator":
      return ["operator", "operatorToken"];
    case "tenant":
      return [
        "tenantAdmin",
        ...(access.roles.includes("support_agent") ? (["supportAgent"] as const) : []),
        "tenantToken",
        "operator",
        "operatorToken",
      ];
  }
};

/** The route's scope alone, or all but it. */
export const scopesFor = (access: Access, which: "exactly" | "all but it") =>
  scopes.filter((scope) => ("scope" in access && access.scope === scope) === (which === "exactly"));

/** The caller of this kind, with exactly the scope that the route asks for. */
export const callerFor = (world: World, id: RouteId, kind: CallerKind, tenant = world.own): Promise<Caller> =>
  world.caller(kind, tenant, scopesFor(shapeOf(id).access, "exactly"));

export const prepare = async (world: World, id: RouteId, caller: Caller, tenant = world.own): Promise<Prepared> =>
  routeCases[id].prepare(world, tenant, caller);

export interface Sent extends Prepared {
  readonly headers?: Readonly<Record<string, string>>;
}

/** The path of a call; an operator says which tenant it is about. */
export const targetOf = (id: RouteId, caller: Caller, sent: Sent, tenant: WorldTenant): string => {
  const { access, path } = shapeOf(id);
  const isOperator = caller.kind === "operator" || caller.kind === "operatorToken";
  const mustSay = access.kind === "tenant" && access.operatorNeedsTenant && isOperator;
  return pathOf(path, sent.params, { ...(mustSay ? { tenantId: tenant.id } : {}), ...sent.query });
};

/** Calls a route as it was prepared. */
export const send = (world: World, id: RouteId, caller: Caller, sent: Sent, tenant = world.own): Promise<Reply<Body>> =>
  world.server.request<Body>(shapeOf(id).method, targetOf(id, caller, sent, tenant), {
    token: sent.token ?? caller.token,
    ...(sent.body === undefined || shapeOf(id).method === "GET" ? {} : { body: sent.body }),
    ...(sent.upload === undefined ? {} : { upload: sent.upload }),
    ...(sent.headers === undefined ? {} : { headers: sent.headers }),
  });

/** An answer, as far as the walk looks into it. */
export interface Body {
  readonly code?: string;
  readonly requestId?: string;
  readonly dryRun?: boolean;
  /** An operation's, where the answer is one. */
  readonly result?: { readonly dryRun?: boolean } | null;
  readonly kind?: string;
  readonly tenantId?: string | null;
  readonly id?: string;
}
