// What a call of an operation takes and gives, by the generated types.

import type { OPERATIONS, OperationId } from "./generated/calls.js";
import type { operations } from "./generated/openapi.js";

/** How one call is made. */
export interface CallOptions {
    /** Ends the call; it then rejects with the signal's reason. */
    signal?: AbortSignal | undefined;
    /** The key of a write. Without it every call makes one of its own, which all of its attempts share. */
    idempotencyKey?: string | undefined;
    /** A write takes place only if the ticket still has this version; else it fails with 412. */
    ifVersion?: number | undefined;
    /** The longest time of one attempt, in milliseconds. */
    timeoutMs?: number | undefined;
    /** How often a failed attempt is repeated. */
    maxRetries?: number | undefined;
    /** The id by which the server's log and answer name the request. */
    requestId?: string | undefined;
}

/** A part of a request: left out if there is none, optional if nothing in it is required. */
type Part<Name extends string, Value> = [Value] extends [never]
    ? {}
    : {} extends Value
      ? { [It in Name]?: Value | undefined }
      : { [It in Name]: Value };

type Parameters<Id extends OperationId> = operations[Id]["parameters"];
type BodyOf<Id extends OperationId> = operations[Id] extends {
    requestBody?: { content: { "application/json": infer Body } };
}
    ? Body
    : never;

/** The path values, the query and the body of an operation. */
export type RequestOf<Id extends OperationId> = Part<"path", NonNullable<Parameters<Id>["path"]>> &
    Part<"query", NonNullable<Parameters<Id>["query"]>> &
    Part<"body", BodyOf<Id>>;

type JsonOf<Response> = Response extends { content: { "application/json": infer Body } } ? Body : undefined;
type Responses<Id extends OperationId> = operations[Id]["responses"];

/** What an operation answers: its body, or nothing where it has none. */
export type AnswerOf<Id extends OperationId> = {
    [Status in keyof Responses<Id>]: JsonOf<Responses<Id>[Status]>;
}[keyof Responses<Id>];

/** An operation's place; generated. */
export type Place = (typeof OPERATIONS)[OperationId];
