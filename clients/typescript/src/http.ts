// Requests: how they are written, repeated, timed and read. It knows nothing of the API's nouns.

import { InboxopsError, failureOf } from "./error.js";
import type { CallOptions } from "./operation.js";
import { sleep, waitBefore } from "./retry.js";
import { VERSION } from "./version.js";

const TIMEOUT_MS = 30_000;
const MAX_RETRIES = 4;
const WRITES = new Set(["POST", "PUT", "PATCH", "DELETE"]);

export interface ClientOptions {
    /** Where the server is, such as `https://desk.example.com`; in a browser by default the page's own origin. */
    baseUrl?: string;
    /** `ixk_…` */
    apiKey: string;
    /** Used in place of the global `fetch`. */
    fetch?: typeof globalThis.fetch;
    /** How often a failed attempt is repeated; 4 by default. */
    maxRetries?: number;
    /** The longest time of one attempt, in milliseconds; 30 seconds by default. Streams are not limited by it. */
    timeoutMs?: number;
}

export type QueryValue = string | number | boolean | Date | readonly (string | number)[] | null | undefined;

export interface HttpRequest {
    method: string;
    /** The path, as `/api/v1/tickets/{ticket_id}`. */
    path: string;
    /** What stands for the names in the path. */
    values?: Readonly<Record<string, string | number>> | undefined;
    query?: object | undefined;
    body?: unknown;
    accept?: string;
    headers?: Record<string, string>;
}

export class Http {
    readonly maxRetries: number;
    readonly timeoutMs: number;
    private readonly base: string;
    private readonly key: string;
    private readonly fetch: typeof globalThis.fetch;

    constructor(options: ClientOptions) {
        const base = options.baseUrl ?? (globalThis as { location?: { origin?: string } }).location?.origin;
        if (!base || base === "null") throw new TypeError("baseUrl is missing.");
        if (!options.apiKey) throw new TypeError("apiKey is missing.");
        this.base = base.replace(/\/+$/, "").replace(/\/api\/v1$/, "");
        this.key = options.apiKey;
        // Browsers want it to be called on the window.
        this.fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
        this.maxRetries = options.maxRetries ?? MAX_RETRIES;
        this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    }

    /** The answer's JSON; undefined where it has no body. */
    json<Body>(request: HttpRequest, options: CallOptions = {}): Promise<Body> {
        return this.send(request, options, async (response) => {
            const text = await response.text();
            return (response.status === 204 ? undefined : parsed(text, response)) as Body;
        });
    }

    /** An answer whose body the caller reads. The time limit ends with its headers. */
    stream(request: HttpRequest, options: CallOptions = {}): Promise<Response> {
        return this.send(request, options, async (response) => response);
    }

    private async send<Answer>(
        request: HttpRequest,
        options: CallOptions,
        read: (response: Response) => Promise<Answer>,
    ) {
        const url = this.base + pathOf(request) + queryOf(request.query ?? {});
        const init = { method: request.method, headers: this.headers(request, options), body: bodyOf(request) };
        const maxRetries = options.maxRetries ?? this.maxRetries;
        for (let number = 0; ; number++) {
            options.signal?.throwIfAborted();
            try {
                return await this.attempt(url, init, options, read);
            } catch (error) {
                options.signal?.throwIfAborted();
                const wait = error instanceof InboxopsError ? waitBefore(error, number, maxRetries) : null;
                if (wait === null) throw error;
                await sleep(wait, options.signal);
            }
        }
    }

    private async attempt<Answer>(
        url: string,
        init: RequestInit,
        options: CallOptions,
        read: (response: Response) => Promise<Answer>,
    ) {
        const limit = new AbortController();
        const stop = () => limit.abort();
        const timeoutMs = options.timeoutMs ?? this.timeoutMs;
        const timer = setTimeout(stop, timeoutMs);
        options.signal?.addEventListener("abort", stop, { once: true });
        try {
            const response = await this.fetch(url, { ...init, signal: limit.signal, redirect: "manual" });
            if (!response.ok) throw await failureOf(response);
            return await read(response);
        } catch (error) {
            if (error instanceof InboxopsError) throw error;
            if (limit.signal.aborted)
                throw new InboxopsError(`No answer within ${timeoutMs} ms.`, { code: "request_timeout" }, error);
            throw new InboxopsError("The connection failed.", { code: "connection_failed" }, error);
        } finally {
            clearTimeout(timer);
            options.signal?.removeEventListener("abort", stop);
        }
    }

    private headers(request: HttpRequest, options: CallOptions): Record<string, string> {
        const headers: Record<string, string> = {
            authorization: `Bearer ${this.key}`,
            accept: request.accept ?? "application/json",
            ...request.headers,
        };
        // In a browser the page's own stands there.
        if (!("document" in globalThis)) headers["user-agent"] = `inboxops-typescript/${VERSION}`;
        if (request.body !== undefined) headers["content-type"] = "application/json";
        if (WRITES.has(request.method)) headers["idempotency-key"] = options.idempotencyKey ?? randomKey();
        if (options.ifVersion !== undefined) headers["if-match"] = `"${options.ifVersion}"`;
        if (options.requestId !== undefined) headers["x-request-id"] = options.requestId;
        return headers;
    }
}

/** `crypto.randomUUID` is missing on pages without TLS. */
function randomKey(): string {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (it) => it.toString(16).padStart(2, "0")).join("");
}

function pathOf({ path, values = {} }: HttpRequest): string {
    return path.replace(/\{(\w+)\}/g, (_, name: string) => {
        const value = values[name];
        // An empty value would name the list in place of the one.
        if (value === undefined || value === "") throw new TypeError(`${name} is missing.`);
        // URLs resolve these, so that the call would go to another path.
        if (value === "." || value === "..") throw new TypeError(`${name} is no id.`);
        return encodeURIComponent(value);
    });
}

function queryOf(query: object): string {
    const pairs = Object.entries(query as Record<string, QueryValue>).flatMap(([name, value]) => {
        if (value === undefined || value === null) return [];
        const text =
            value instanceof Date ? value.toISOString() : Array.isArray(value) ? value.join(",") : String(value);
        return [`${encodeURIComponent(name)}=${encodeURIComponent(text)}`];
    });
    return pairs.length ? `?${pairs.join("&")}` : "";
}

function bodyOf({ body }: HttpRequest): string | null {
    return body === undefined ? null : JSON.stringify(body);
}

function parsed(text: string, response: Response): unknown {
    try {
        return JSON.parse(text);
    } catch (error) {
        const members = {
            status: response.status,
            code: "unexpected_answer",
            requestId: response.headers.get("x-request-id"),
        };
        throw new InboxopsError("The answer is not JSON.", members, error);
    }
}
