import assert from "node:assert/strict";
import { test } from "node:test";
import { blocks } from "../dist/events.js";
import { json, list, refuse, withServer } from "./server.mjs";

const event = (number) => ({
    event: "ticket.created",
    event_id: `e${number}`,
    data: { ticket: { ticket_number: number } },
});
const block = (number) => `id: c${number}\nevent: ticket.created\ndata: ${JSON.stringify(event(number))}\n\n`;
const stream = (response) => response.writeHead(200, { "content-type": "text/event-stream" });
const isStream = (asked) => asked.headers.accept === "text/event-stream";

/** The first events of a follower, as cursors and numbers. */
async function first(count, events) {
    const found = [];
    for await (const { cursor, event } of events) {
        found.push([cursor, event.data.ticket.ticket_number]);
        if (found.length === count) break;
    }
    return found;
}

async function read(...pieces) {
    const found = [];
    for await (const one of blocks(
        (async function* () {
            yield* pieces;
        })(),
    ))
        found.push(one);
    return found;
}

test("blocks are read however they are cut", async () => {
    const text = 'id: c1\nevent: a\ndata: {"x":\ndata: 1}\n\n: comment\n\nid\ndata:bare\n\nid: c3\n\ndata: cut';
    const wanted = [
        { id: "c1", data: '{"x":\n1}' },
        { id: "", data: "bare" },
        { id: "c3", data: null },
    ];
    assert.deepEqual(await read(text), wanted);
    assert.deepEqual(await read(...text), wanted);
    assert.deepEqual(await read(...text.replaceAll("\n", "\r\n")), wanted);
    const whole = await read(": e1-2f40-1-9\n");
    assert.equal(whole.length, 1, "a comment with a place counts");
    assert.deepEqual(await read(": e1-2f4"), [], "half of one does not");
});

test("letters of several bytes that are cut apart are whole again", () =>
    withServer(
        (_, number, response) => {
            const bytes = Buffer.from(block(1).replace("ticket_number", 'subject":"Größe 🚀","ticket_number'));
            stream(response);
            let at = 0;
            const next = () => at < bytes.length && (response.write(bytes.subarray(at, ++at)), setImmediate(next));
            next();
        },
        async (client) => {
            for await (const { event } of client.events({ after: "c0" })) {
                assert.equal(event.data.ticket.subject, "Größe 🚀");
                break;
            }
        },
    ));

test("a stream that breaks is gone on with where it was", () =>
    withServer(
        (asked, number, response, socket) => {
            if (number === 3) return refuse(response, 503, "service_unavailable", { "retry-after": "0" });
            if (number === 4) return socket.destroy();
            stream(response);
            if (number === 1) {
                response.write(`id: c0\n\n${block(1)}${block(2).slice(0, 30)}`);
                setTimeout(() => socket.destroy(), 20);
            } else if (number === 2) {
                response.end(block(2));
            } else {
                response.write(`: still here\n\n${block(3)}`);
            }
        },
        async (client, asked) => {
            const found = await first(3, client.events({ after: "start", types: ["ticket.*", "message.sent"] }));
            assert.deepEqual(found, [
                ["c1", 1],
                ["c2", 2],
                ["c3", 3],
            ]);
            assert.deepEqual(
                asked.map((it) => it.headers["last-event-id"]),
                ["start", "c1", "c2", "c2", "c2"],
            );
            assert.equal(asked[0].url, "/api/v1/events?types=ticket.*%2Cmessage.sent");
            assert.equal(asked[0].headers.accept, "text/event-stream");
        },
    ));

test("a place without an event moves the reader on", () =>
    withServer(
        (asked, number, response) => {
            stream(response);
            if (number === 1) response.end("id: c9\n\n");
            else response.write(block(10));
        },
        async (client, asked) => {
            assert.deepEqual(await first(1, client.events({ after: "c0" })), [["c10", 10]]);
            assert.equal(asked[1].headers["last-event-id"], "c9");
        },
    ));

test("a comment that tells the place moves the reader on", () =>
    withServer(
        (asked, number, response) => {
            stream(response);
            if (number === 1) response.end(": e1-2f4-1d8\n\n: alive\n\n: a word\n\n");
            else response.write(block(10));
        },
        async (client, asked) => {
            assert.deepEqual(await first(1, client.events({ after: "c0" })), [["c10", 10]]);
            assert.equal(asked[1].headers["last-event-id"], "e1-2f4-1d8");
        },
    ));

test("without a cursor it begins with what happens from now on", () =>
    withServer(
        (asked, number, response) => {
            if (!isStream(asked)) return json(response, 200, list([], { next_cursor: "newest" }));
            stream(response).write(block(1));
        },
        async (client, asked) => {
            await first(1, client.events());
            assert.equal(asked[0].url, "/api/v1/events?after=latest");
            assert.equal(asked[1].headers["last-event-id"], "newest");
        },
    ));

test("a loop that is left ends the connection", () =>
    withServer(
        (asked, number, response, socket) => {
            stream(response).write(block(1));
            socket.on("close", () => (asked.isClosed = true));
        },
        async (client, asked) => {
            await first(1, client.events({ after: "c0" }));
            while (!asked[0].isClosed) await new Promise((resolve) => setImmediate(resolve));
            assert.equal(asked.length, 1);
        },
    ));

test("the signal ends the loop without an error: at once, in a stream, and in a pause", () =>
    withServer(
        (_, number, response) => {
            if (number === 1) stream(response).write(block(1));
            else refuse(response, 503, "later", { "retry-after": "60" });
        },
        async (client) => {
            assert.deepEqual(await first(1, client.events({ after: "c0", signal: AbortSignal.abort() })), []);
            assert.deepEqual(await first(2, client.events({ after: "c0", signal: AbortSignal.timeout(100) })), [
                ["c1", 1],
            ]);
            assert.deepEqual(await first(2, client.events({ after: "c0", signal: AbortSignal.timeout(100) })), []);
        },
    ));

for (const [status, code] of [
    [410, "cursor_expired"],
    [400, "invalid_cursor"],
    [401, "revoked_api_key"],
]) {
    test(`${code} ends it, at the beginning and later`, () =>
        withServer(
            (_, number, response) => (number === 2 ? stream(response).end(block(1)) : refuse(response, status, code)),
            async (client) => {
                await assert.rejects(first(1, client.events({ after: "c0" })), { code });
                await assert.rejects(first(2, client.events({ after: "c0" })), { code });
            },
        ));
}

test("a server that is away at the beginning fails; one that goes away later is waited for", () =>
    withServer(
        (_, number, response) => {
            if (number === 3) stream(response).end(block(1));
            else if (number === 7) stream(response).write(block(2));
            else refuse(response, 503, "later", { "retry-after": "0" });
        },
        async (client, asked) => {
            await assert.rejects(first(1, client.events({ after: "c0" })), { code: "later" });
            assert.equal(asked.length, 2);
            assert.deepEqual(await first(2, client.events({ after: "c0" })), [
                ["c1", 1],
                ["c2", 2],
            ]);
        },
        { maxRetries: 1 },
    ));

/** Answers three events in pages of two, then one that came later. */
function polled(asked, number, response) {
    const pages = {
        c0: list([event(1), event(2)], { has_more: true, next_cursor: "c2" }),
        c2: list([event(3)], { next_cursor: "c3" }),
        c3: list(number < 5 ? [] : [event(4)], { next_cursor: number < 5 ? "c3" : "c4" }),
    };
    json(response, 200, pages[new URL(asked.url, "http://x").searchParams.get("after")]);
}

test("a poll pages through what there is and asks again", () =>
    withServer(polled, async (client, asked) => {
        const events = client.events({ after: "c0", transport: "poll", pollMs: 10, types: ["ticket.*"] });
        // Before the last event of a page only its beginning is a place to go on from.
        assert.deepEqual(await first(4, events), [
            ["c0", 1],
            ["c2", 2],
            ["c3", 3],
            ["c4", 4],
        ]);
        assert.equal(asked[0].url, "/api/v1/events?after=c0&types=ticket.*&limit=100");
        assert.equal(asked.length, 5);
    }));

test("auto polls when no stream gets through", () =>
    withServer(
        (asked, number, response) => (isStream(asked) ? stream(response).end() : polled(asked, number, response)),
        async (client, asked) => {
            assert.deepEqual(await first(3, client.events({ after: "c0", transport: "auto", pollMs: 10 })), [
                ["c0", 1],
                ["c2", 2],
                ["c3", 3],
            ]);
            assert.equal(asked.filter(isStream).length, 3);
        },
    ));

test("an answer that is no stream makes auto poll, and a follower of streams fail", () =>
    withServer(
        (asked, number, response) =>
            isStream(asked) ? json(response, 200, list([])) : polled(asked, number, response),
        async (client) => {
            assert.deepEqual(await first(1, client.events({ after: "c0", transport: "auto" })), [["c0", 1]]);
            await assert.rejects(first(1, client.events({ after: "c0" })), { code: "unexpected_answer" });
        },
    ));
