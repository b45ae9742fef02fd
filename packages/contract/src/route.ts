import type { Static, TObject, TSchema } from "typebox";
import type { Access } from "./access.ts";
import type { ErrorCode } from "./errors.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** What a successful call writes to the audit log. Every mutation has one. */
export interface AuditMark {
  readonly action: string;
  readonly resourceType: string;
}

/** One operator step or API call, declared once. Server, OpenAPI, client, CLI and the walking tests are made from it. */
export interface RouteShape {
  readonly method: Method;
  /** Path with `:name` parameters, each described in `params`. */
  readonly path: string;
  readonly tag: string;
  /** One line, imperative: the text of `--help` and of the OpenAPI summary. */
  readonly summary: string;
  /** Limits, units, side effects. */
  readonly description?: string;
  readonly access: Access;
  readonly params?: TObject;
  readonly query?: TObject;
  readonly body?: TObject;
  /** Instead of a JSON body: a document of this type, read as a stream and of any length. */
  readonly upload?:
    | "application/x-tar"
    | "application/vnd.tenantctl.export+json"
    | "application/vnd.tenantctl.checkpoints+jsonl";
  /** The type of what a success answers, where that is no JSON. */
  readonly document?: "application/x-tar" | "application/x-tenantctl-archives";
  /** Success answers by status; 503 only where a bad state is told in the same form as a good one (health). */
  readonly responses: Readonly<Partial<Record<200 | 201 | 202 | 503, TSchema>>>;
  /** Errors beside those that follow from `access` and validation. */
  readonly errors?: readonly ErrorCode[];
  readonly audit?: AuditMark;
  /** array: bare array, paged by Link header; complete: bare array, all rows, streamed; document: one streamed document. */
  readonly list?: "array" | "complete" | "document";
  /** Takes an Idempotency-Key header. */
  readonly idempotencyKey?: boolean;
  /** Not counted by rate limits: a complete list, an export, a health check. */
  readonly unlimited?: boolean;
  /** Values for the documentation, the walking tests and the CLI's examples. */
  readonly example: {
    readonly params?: Readonly<Record<string, string>>;
    readonly query?: Readonly<Record<string, string | number | boolean>>;
    readonly body?: Readonly<Record<string, unknown>>;
  };
}

/** Declares a route and keeps its exact types for the handler and the client. */
export const route = <const R extends RouteShape>(shape: R): R => shape;

type Part<R extends RouteShape, K extends "params" | "query" | "body"> = R[K] extends TObject
  ? Static<R[K]>
  : Record<string, never>;

export type ParamsOf<R extends RouteShape> = Part<R, "params">;
export type QueryOf<R extends RouteShape> = Part<R, "query">;
export type BodyOf<R extends RouteShape> = Part<R, "body">;

/** Any of the route's success bodies. */
export type ResultOf<R extends RouteShape> = {
  [S in keyof R["responses"]]: R["responses"][S] extends TSchema ? Static<R["responses"][S]> : never;
}[keyof R["responses"]];
