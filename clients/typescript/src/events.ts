// Events as they happen, without a gap: each is given at least once.

import { pieces, lines } from "./chunks.js";
import type { WebhookEvent } from "./contract.js";
import { InboxopsError } from "./error.js";
import type { Calls } from "./generated/calls.js";
import type { Http } from "./http.js";
import { backoff, sleep } from "./retry.js";

/** The server says something every 15 seconds. */
const IDLE_MAX_MS = 45_000;
const POLL_MS = 5_000;
const PAGE_EVENTS = 100;
/** So many streams in a row that say nothing, and `auto` polls. */
const SILENT_MAX = 3;

export interface EventsOptions {
    /** The cursor to go on from; by default only what happens from now on. */
    after?: string;
    /** Names such as `ticket.created`, `ticket.*`, `message.*`; all by default. */
    types?: readonly string[];
    /** Ends it. The loop then ends without an error. */
    signal?: AbortSignal;
    /**
     * `stream` (the default) holds a connection open, `poll` asks again and again, `auto` polls once streams turn out
     * not to get through, as behind proxies that hold answers back.
     */
    transport?: "stream" | "poll" | "auto";
    /** The time between two questions of a poll that found nothing, in milliseconds; 5 seconds by default. */
    pollMs?: number;
}

export interface ReceivedEvent {
    /** Store it once the event is dealt with, and pass it as `after` to go on from there. */
    cursor: string;
    event: WebhookEvent;
}

/** The names as one value of the query, since those of the next server may be more than this client knows. */
type Query = { after?: string; types?: never; limit?: number };
const queryOf = (after: string | undefined, types: readonly string[] | undefined, limit?: number) =>
    ({ after, types: types?.length ? types : undefined, limit }) as Query;

export async function* follow(http: Http, calls: Calls, options: EventsOptions): AsyncGenerator<ReceivedEvent, void> {
    const { signal, transport = "stream" } = options;
    try {
        let after = options.after ?? (await newest(calls, signal));
        if (transport !== "poll") {
            for await (const received of streamed(http, after, options)) {
                after = received.cursor;
                if (received.event) yield received as ReceivedEvent;
            }
            if (signal?.aborted) return;
        }
        yield* polled(calls, after, options);
    } catch (error) {
        if (!signal?.aborted) throw error;
    }
}

/** Where the log of events ends. */
async function newest(calls: Calls, signal?: AbortSignal): Promise<string> {
    const { meta } = await calls.listEvents({ query: queryOf("latest", undefined) }, { signal });
    return meta.next_cursor;
}

/** Every event after a place, page by page; it ends when there is no more. */
export async function* listed(
    calls: Calls,
    after: string,
    options: EventsOptions,
): AsyncGenerator<ReceivedEvent, string> {
    for (;;) {
        const query = queryOf(after, options.types, PAGE_EVENTS);
        const { data, meta } = await calls.listEvents({ query }, { signal: options.signal });
        for (const [at, event] of (data as unknown as WebhookEvent[]).entries()) {
            // Only the page has a cursor: before its last event one goes on from its beginning.
            yield { cursor: at + 1 < data.length ? after : meta.next_cursor, event };
        }
        after = meta.next_cursor;
        if (!meta.has_more) return after;
    }
}

async function* polled(calls: Calls, after: string, options: EventsOptions): AsyncGenerator<ReceivedEvent, void> {
    for (;;) {
        after = yield* listed(calls, after, options);
        await sleep(options.pollMs ?? POLL_MS, options.signal);
    }
}

/** Events, and cursors without one: places at which nothing of interest is before. It ends only for `auto` to poll. */
async function* streamed(
    http: Http,
    after: string,
    options: EventsOptions,
): AsyncGenerator<{ cursor: string; event?: WebhookEvent }, void> {
    const { signal, transport } = options;
    let silent = 0;
    for (let isFirst = true; ; isFirst = false) {
        const response = await http.stream(
            {
                method: "GET",
                path: "/api/v1/events",
                query: queryOf(undefined, options.types),
                accept: "text/event-stream",
                headers: { "last-event-id": after },
            },
            // Who follows wants to go on, however long the server is away; who begins may have a wrong address.
            { signal, ...(isFirst ? {} : { maxRetries: Infinity }) },
        );
        if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
            await response.body?.cancel();
            if (transport === "auto") return;
            throw new InboxopsError("The answer is no stream of events.", {
                status: response.status,
                code: "unexpected_answer",
            });
        }
        let hasSpoken = false;
        for await (const block of blocks(pieces(response, IDLE_MAX_MS, signal), () => (hasSpoken = true))) {
            after = block.id ?? after;
            yield block.data === null
                ? { cursor: after }
                : { cursor: after, event: JSON.parse(block.data) as WebhookEvent };
        }
        signal?.throwIfAborted();
        silent = hasSpoken ? 0 : silent + 1;
        if (transport === "auto" && silent >= SILENT_MAX) return;
        await sleep(backoff(silent), signal);
    }
}

interface Block {
    id: string | null;
    data: string | null;
}

/** A comment that tells how far the stream is, so that a reader of rare events does not keep an old place. */
const PLACE = /^: ?(e\d+-[\w-]+)$/;

/** The blocks of a stream of server-sent events; `heard` is told of every line. One that is cut is dropped. */
export async function* blocks(
    text: AsyncIterable<string>,
    heard: () => void = () => undefined,
): AsyncGenerator<Block, void> {
    let id: string | null = null;
    let data: string[] = [];
    for await (const line of lines(text, /\r\n|\n/, false)) {
        heard();
        const place = PLACE.exec(line)?.[1];
        if (place) yield { id: place, data: null };
        if (line === "") {
            if (id !== null || data.length) yield { id, data: data.length ? data.join("\n") : null };
            [id, data] = [null, []];
            continue;
        }
        const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
        if (name === "id" && !value.includes("\0")) id = value;
        if (name === "data") data.push(value);
    }
}
