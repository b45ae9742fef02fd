import type { Readable } from "node:stream";
import type { BodyOf, ParamsOf, QueryOf, ResultOf, RouteId, RouteShape, Routes } from "@tenantctl/contract";
import type { Scope } from "@tenantctl/database";
import type { Answer } from "./answer.ts";
import type { App } from "./app.ts";
import type { Actor, Principal } from "./principal.ts";

/** One request as its handler sees it. */
export interface Call<R extends RouteShape = RouteShape> {
  readonly route: R;
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
  /** On routes that take an upload: the document, to be read once. Empty on others. */
  readonly upload: Readable;
  readonly principal: Principal;
  readonly actor: Actor;
  /** On tenant routes: whose; null where an operator asks for all, and on other routes. */
  readonly tenantId: string | null;
  /**
   * The only way to the database. On tenant routes the tenant role in that tenant's context, on operator routes the
   * operator role; its first statement checks that the credentials still hold. GET reads, everything else may write.
   * An operator on a route that does not need a tenant reads as the operator role: `tenantId` is then only a filter.
   */
  readonly scope: Scope;
  readonly request: {
    readonly id: string;
    readonly address: string;
    readonly userAgent: string | null;
    readonly idempotencyKey: string | null;
    /** Path without the query, for Link headers. */
    readonly path: string;
    /** Destroyed once whoever asked has left. */
    readonly socket: { readonly destroyed: boolean };
  };
  readonly app: App;
}

export type Handler<R extends RouteShape> = (call: Call<R>) => Promise<ResultOf<R> | Answer<ResultOf<R>>>;

/** A handler for every route of the contract: what is missing here fails to compile. */
export type Handlers<Ids extends RouteId = RouteId> = { readonly [Id in Ids]: Handler<Routes[Id]> };
