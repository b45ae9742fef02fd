import { type RouteId, type RouteShape, routeIds, routes } from "@tenantctl/contract";
import { v7 as uuidv7 } from "uuid";
import type { App } from "../../app.ts";
import { callAs, type Reply, type Sent } from "./call-as.ts";
import type { Caller, Canary } from "./canary.ts";

export interface RouteFinding {
  readonly route: RouteId;
  readonly saw: string;
}

export interface RouteReport {
  /** Routes that tenants may call. */
  routes: number;
  /** Requests made. */
  tried: number;
  readonly findings: RouteFinding[];
  readonly notProven: { readonly route: RouteId; readonly why: string }[];
}

const shapeOf = (id: RouteId): RouteShape => routes[id];

/** Every route that a tenant's own credentials open. */
export const tenantRoutes: readonly RouteId[] = routeIds.filter((id) => shapeOf(id).access.kind === "tenant");

const callersOf = (id: RouteId, canary: Canary): readonly Caller[] => {
  const { access } = shapeOf(id);
  const support = access.kind === "tenant" && access.roles.includes("support_agent");
  return [canary.admin, ...(support ? [canary.support] : []), canary.apiToken];
};

/** The id that stands in the route's path, of what a canary holds: of the longest path that the route's own begins with. */
const heldBy = (id: RouteId, { held }: Canary): string | undefined =>
  Object.entries(held)
    .filter(([path]) => shapeOf(id).path === path || shapeOf(id).path.startsWith(`${path}/`))
    .toSorted(([one], [other]) => other.length - one.length)[0]?.[1];

/** Logs grow by being looked at: they are told by what stands in them, not by staying the same. */
const isLog = (id: RouteId): boolean => /\/(audit-logs|access-log)\b/.test(shapeOf(id).path);

const marked = (text: string, { marks }: Canary): boolean => marks.some((mark) => text.includes(mark));

const words = ({ status, text }: Reply): string => `${status} ${text.replaceAll(/\s+/g, " ").slice(0, 120)}`;

export interface RouteProbe {
  /** What `a` is told before `b` holds anything. */
  before(a: Canary): Promise<void>;
  /** Calls every route as `a` for what is `b`'s. */
  probe(a: Canary, b: Canary, onRoute: (id: RouteId) => Promise<void>): Promise<RouteReport>;
}

/** Tries every route of the contract that tenants may call: one canary's credentials, the other's ids. */
export const createRouteProbe = (app: App): RouteProbe => {
  const report: RouteReport = { routes: tenantRoutes.length, tried: 0, findings: [], notProven: [] };
  const ask = (id: RouteId, caller: Caller, sent: Sent): Promise<Reply> => {
    report.tried += 1;
    return callAs(app, id, caller.token, sent);
  };
  const reads = tenantRoutes.filter((id) => shapeOf(id).method === "GET" && shapeOf(id).params === undefined);
  /** One object about the tenant itself: with nothing in it to tell by, it must not change when another tenant gets rows. */
  const about = reads.filter((id) => shapeOf(id).list === undefined && !isLog(id));
  const earlier = new Map<RouteId, Reply>();

  /** An id of the other tenant answers as one that is not there, to the byte. */
  const sameAsAbsent = async (
    id: RouteId,
    caller: Caller,
    foreign: Sent,
    absent: Sent,
    what: string,
  ): Promise<void> => {
    const [reply, control] = [await ask(id, caller, foreign), await ask(id, caller, absent)];
    if (control.status !== 404) {
      report.notProven.push({ route: id, why: `what is not there is answered with ${words(control)}` });
    } else if (reply.status !== control.status || reply.text !== control.text) {
      report.findings.push({ route: id, saw: `${what} of another tenant answered ${caller.name} ${words(reply)}` });
    }
  };

  const tryIds = async (id: RouteId, a: Canary, b: Canary): Promise<void> => {
    const { params, query, example } = shapeOf(id);
    const [own, foreign] = [heldBy(id, a), heldBy(id, b)];
    if (params !== undefined && (own === undefined || foreign === undefined)) {
      report.notProven.push({ route: id, why: "the probe knows no id for its path" });
      return;
    }
    const body = example.body;
    for (const caller of callersOf(id, a)) {
      if (foreign !== undefined && params !== undefined) {
        const at = (one: string): Sent => ({ params: { id: one }, body });
        await sameAsAbsent(id, caller, at(foreign), at(uuidv7()), "an id");
      }
      if (query?.properties.tenantId === undefined) continue;
      for (const tenant of [b.id, b.slug]) {
        // The other tenant's own id in the path, so that nothing but the context is between the caller and the row.
        const at = (tenantId: string): Sent => ({
          ...(foreign === undefined ? {} : { params: { id: foreign } }),
          query: { tenantId },
          body,
        });
        await sameAsAbsent(id, caller, at(tenant), at(uuidv7()), "tenantId=");
      }
    }
  };

  const tryReads = async (id: RouteId, a: Canary, b: Canary): Promise<void> => {
    for (const caller of callersOf(id, a)) {
      const reply = await ask(id, caller, {});
      if (marked(reply.text, b))
        report.findings.push({ route: id, saw: `what another tenant holds was answered to ${caller.name}` });
    }
    const was = earlier.get(id);
    if (was !== undefined) {
      const now = await ask(id, a.admin, {});
      if (now.text !== was.text)
        report.findings.push({ route: id, saw: "the answer changed when another tenant got rows" });
    } else {
      // The control: its own people do see it there.
      const control = await ask(id, b.admin, {});
      if (!marked(control.text, b))
        report.notProven.push({ route: id, why: `its own tenant sees nothing there: ${words(control)}` });
    }
  };

  /** All that `b` holds, as its own credentials show it. */
  const holdings = async (b: Canary): Promise<ReadonlyMap<RouteId, Reply>> => {
    const all = new Map<RouteId, Reply>();
    for (const id of tenantRoutes) {
      const { method, params, list } = shapeOf(id);
      if (method !== "GET" || isLog(id)) continue;
      const own = heldBy(id, b);
      // An export says when it was made.
      if (params === undefined && list !== "array" && list !== undefined) continue;
      if (params !== undefined && own === undefined) continue;
      all.set(id, await ask(id, b.admin, own === undefined ? {} : { params: { id: own } }));
    }
    return all;
  };

  return {
    before: async (a) => {
      for (const id of about) earlier.set(id, await ask(id, a.admin, {}));
    },
    probe: async (a, b, onRoute) => {
      const held = await holdings(b);
      for (const [id, reply] of held) {
        if (reply.status !== 200 || (shapeOf(id).list === "array" && !marked(reply.text, b))) {
          report.notProven.push({ route: id, why: `its own tenant does not see what it holds: ${words(reply)}` });
        }
      }
      for (const id of tenantRoutes) {
        await onRoute(id);
        await tryIds(id, a, b);
        if (reads.includes(id)) await tryReads(id, a, b);
      }
      for (const [id, reply] of await holdings(b)) {
        if (reply.text !== held.get(id)?.text) {
          report.findings.push({ route: id, saw: "what the other tenant holds is not what it was before the calls" });
        }
      }
      return report;
    },
  };
};
