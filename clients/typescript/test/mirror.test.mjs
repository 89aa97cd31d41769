import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStore } from "../dist/index.js";
import { json, list, refuse, ticket, withServer } from "./server.mjs";

const line = (type, resource, cursor) => `${JSON.stringify({ type, data: resource, cursor })}\n`;
const end = (cursor, count = 0) => `${JSON.stringify({ type: "end", events_cursor: cursor, count })}\n`;
const lines = (response, ...texts) =>
    response.writeHead(200, { "content-type": "application/x-ndjson" }).write(texts.join(""));
const happened = (kind, members) => ({ event: kind, event_id: "e", data: { actor: {}, group: "g", ...members } });
const queryOf = (asked) => Object.fromEntries(new URL(asked.url, "http://x").searchParams);
const pathOf = (asked) => new URL(asked.url, "http://x").pathname.replace("/api/v1", "");
const message = (id, more = {}) => ({
    id,
    ticket_id: "t1",
    created_at: "2026-11-24T12:00:00.000000Z",
    body_text: "Hello",
    truncated: false,
    ...more,
});

async function linesOf(lines) {
    const found = [];
    for await (const one of lines) found.push(one.type === "end" ? [one.events_cursor, one.count] : one.data.id);
    return found;
}

/** A server with an export and a list of events; `parts` answer an export one after the other. */
function world({ parts, events = {}, others = {} }) {
    let exports = 0;
    return (asked, _, response, socket) => {
        const path = pathOf(asked);
        if (path === "/export") return parts[exports++](response, socket, asked);
        if (path === "/events") {
            const page = events[queryOf(asked).after] ?? list([], { next_cursor: queryOf(asked).after });
            return typeof page === "function" ? page(response) : json(response, 200, page);
        }
        return others[path] ? others[path](response, asked) : json(response, 200, list([]));
    };
}

const whole =
    (...texts) =>
    (response) => (lines(response, ...texts), response.end());
const broken =
    (...texts) =>
    (response, socket) => (lines(response, ...texts), setTimeout(() => socket.destroy(), 20));

test("an export that breaks is gone on with from its last whole line", () =>
    withServer(
        world({
            parts: [
                broken(
                    line("ticket", ticket(1), "l1"),
                    line("ticket", ticket(2), "l2"),
                    line("ticket", ticket(3), "l3").slice(0, 20),
                ),
                (response) => refuse(response, 409, "export_in_progress", { "retry-after": "0" }),
                (response) => refuse(response, 503, "later"),
                whole(line("ticket", ticket(3), "l3")),
                whole(line("message", message("m1"), "l4"), end("e9", 1)),
            ],
        }),
        async (client, asked) => {
            assert.deepEqual(await linesOf(client.export({ types: ["tickets", "messages"] })), [
                "t1",
                "t2",
                "t3",
                "m1",
                ["e9", 1],
            ]);
            assert.deepEqual(
                asked.map((it) => queryOf(it).after),
                [undefined, "l2", "l2", "l2", "l3"],
            );
            assert.equal(queryOf(asked[0]).types, "tickets,messages");
        },
    ));

test("an end without a line break behind it is an end", () =>
    withServer(world({ parts: [whole(end("e1").trim())] }), async (client) =>
        assert.deepEqual(await linesOf(client.export()), [["e1", 0]]),
    ));

test("an export that never says anything fails", () =>
    withServer(
        world({ parts: Array(9).fill(whole()) }),
        async (client, asked) => {
            await assert.rejects(linesOf(client.export()), { code: "export_incomplete" });
            assert.equal(asked.length, 3);
        },
        { maxRetries: 2 },
    ));

test("an export that the signal ends does not look whole", () =>
    withServer(world({ parts: [(response) => lines(response, line("ticket", ticket(1), "l1"))] }), async (client) => {
        const signal = AbortSignal.timeout(100);
        await assert.rejects(linesOf(client.export({ signal })), (error) => error === signal.reason);
    }));

test("a mirror has the export, and what events say since", () =>
    withServer(
        world({
            parts: [
                broken(line("inbox", { id: "i1", updated_at: "2026" }, "l0"), line("ticket", ticket(1), "l1")),
                whole(line("ticket", ticket(2, 5), "l2"), end("e0")),
            ],
            events: {
                e0: list(
                    [
                        happened("ticket.updated", { ticket: ticket(1, 2) }),
                        happened("ticket.updated", { ticket: ticket(2, 4) }),
                        happened("ticket.updated", { ticket: ticket(1, 2, { subject: "the same version again" }) }),
                    ],
                    { has_more: true, next_cursor: "e3" },
                ),
                e3: list(
                    [
                        happened("ticket.created", { ticket: ticket(3) }),
                        happened("message.received", { ticket: ticket(3, 2), message: message("m1") }),
                    ],
                    { next_cursor: "e5" },
                ),
            },
        }),
        async (client, asked) => {
            const store = new MemoryStore();
            const changes = [];
            await client.mirror(store, {
                once: true,
                onChange: (type, it) => changes.push(`${type} ${it.id} ${it.version ?? ""}`),
            });
            assert.deepEqual(
                store.all("ticket").map((it) => [it.id, it.version]),
                [
                    ["t1", 2],
                    ["t2", 5],
                    ["t3", 2],
                ],
            );
            assert.equal(store.get("ticket", "t1").resource.subject, "Order 1");
            assert.deepEqual(
                store.all("message").map((it) => it.id),
                ["m1"],
            );
            assert.deepEqual(changes, [
                "inbox i1 ",
                "ticket t1 1",
                "ticket t2 5",
                "ticket t1 2",
                "ticket t3 1",
                "ticket t3 2",
                "message m1 ",
            ]);
            assert.deepEqual(store.load(), { round: 1, types: null, exportCursor: null, eventsCursor: "e5" });
            const types = queryOf(asked.find((it) => pathOf(it) === "/events")).types;
            assert.equal(types, "ticket.created,ticket.updated,message.*,inbox.error");
            // Once more: no export, and nothing new.
            const before = asked.length;
            await client.mirror(store, { once: true, onChange: () => assert.fail("nothing is new") });
            assert.deepEqual(asked.slice(before).map(pathOf), ["/events"]);
        },
    ));

test("a mirror that ended within its export goes on in another process", () =>
    withServer(
        world({
            parts: [
                (response) => lines(response, line("ticket", ticket(1), "l1"), line("ticket", ticket(2), "l2")),
                whole(line("ticket", ticket(3), "l3"), end("e0")),
            ],
        }),
        async (client, asked) => {
            const store = new MemoryStore();
            await client.mirror(store, { signal: AbortSignal.timeout(100) });
            assert.equal(store.load().exportCursor, "l2");
            await client.mirror(store, { once: true });
            assert.equal(queryOf(asked[1]).after, "l2");
            assert.deepEqual(
                store.all("ticket").map((it) => it.id),
                ["t1", "t2", "t3"],
            );
        },
    ));

test("a state is never saved before what it tells of", () =>
    withServer(
        world({
            parts: [whole(line("ticket", ticket(1), "l1"), end("e0"))],
            events: { e0: list([happened("ticket.created", { ticket: ticket(2) })], { next_cursor: "e1" }) },
        }),
        async (client) => {
            const calls = [];
            class Store extends MemoryStore {
                put(type, it, round) {
                    calls.push(`put ${it.id}`);
                    super.put(type, it, round);
                }
                save(state) {
                    calls.push(`save ${state.exportCursor} ${state.eventsCursor}`);
                    super.save(state);
                }
                removeBefore(round) {
                    calls.push(`remove ${round}`);
                }
            }
            await client.mirror(new Store(), { once: true });
            assert.deepEqual(calls, ["put t1", "remove 1", "save null e0", "put t2", "save null e1"]);
        },
    ));

test("a store that fails ends the mirror with its error, and the mirror goes on from what was saved", () =>
    withServer(
        world({
            parts: [
                whole(line("ticket", ticket(1), "l1"), line("ticket", ticket(2), "l2"), end("e0")),
                whole(line("ticket", ticket(2), "l2"), end("e0")),
            ],
        }),
        async (client, asked) => {
            class Full extends MemoryStore {
                put(type, it, round) {
                    if (it.id === "t2" && !this.isEmptied) throw new Error("The disk is full.");
                    super.put(type, it, round);
                }
            }
            const store = new Full();
            await assert.rejects(client.mirror(store, { once: true }), /disk is full/);
            assert.equal(store.load().exportCursor, "l1");
            store.isEmptied = true;
            await client.mirror(store, { once: true });
            assert.equal(queryOf(asked[1]).after, "l1");
            assert.deepEqual(
                store.all("ticket").map((it) => it.id),
                ["t1", "t2"],
            );
        },
    ));

test("cursors of another history begin a new round, and what is gone goes", () =>
    withServer(
        world({
            parts: [
                whole(line("ticket", ticket(1, 9), "l1"), line("ticket", ticket(2), "l2"), end("e0")),
                // The server was restored from a backup: it knows an older state of one, and nothing of the other.
                whole(line("ticket", ticket(1, 3), "m1"), end("f0")),
            ],
            events: {
                e1: (response) => refuse(response, 410, "cursor_expired"),
                e0: list([happened("ticket.updated", { ticket: ticket(2, 2) })], { next_cursor: "e1" }),
            },
        }),
        async (client) => {
            const store = new MemoryStore();
            await client.mirror(store, { once: true });
            await client.mirror(store, { once: true });
            assert.deepEqual(
                store.all("ticket").map((it) => [it.id, it.version]),
                [["t1", 3]],
            );
            assert.deepEqual(store.load(), { round: 2, types: null, exportCursor: null, eventsCursor: "f0" });
        },
    ));

test("a server that calls new cursors too old does not make a mirror read its export for ever", () =>
    withServer(
        world({
            parts: Array(3).fill(whole(end("e0"))),
            events: { e0: (response) => refuse(response, 410, "cursor_expired") },
        }),
        async (client, asked) => {
            await assert.rejects(client.mirror(new MemoryStore(), { once: true }), { code: "cursor_expired" });
            assert.deepEqual(asked.map(pathOf), ["/export", "/events"]);
        },
    ));

test("another choice of types begins again", () =>
    withServer(
        world({
            parts: [
                whole(line("ticket", ticket(1), "l1"), end("e0")),
                whole(line("tag", { id: "g1" }, "l1"), end("e1")),
            ],
        }),
        async (client, asked) => {
            const store = new MemoryStore();
            await client.mirror(store, { once: true, types: ["tickets", "tags"] });
            await client.mirror(store, { once: true, types: ["tags", "tickets"] });
            assert.equal(asked.filter((it) => pathOf(it) === "/export").length, 1);
            await client.mirror(store, { once: true, types: ["tags"] });
            assert.deepEqual([store.all("ticket"), store.all("tag")], [[], [{ id: "g1" }]]);
        },
    ));

test("tags, inboxes and agents that events name and the export did not have are looked up, once", () =>
    withServer(
        world({
            parts: [whole(end("e0"))],
            events: {
                e0: list(
                    [1, 2, 3].map((version) =>
                        happened("ticket.updated", {
                            ticket: ticket(1, version, { tags: [{ id: "g1" }], assignee_id: "a-gone" }),
                        }),
                    ),
                    { next_cursor: "e1" },
                ),
            },
            others: { "/tags": (response) => json(response, 200, list([{ id: "g1", name: "vip" }])) },
        }),
        async (client, asked) => {
            const store = new MemoryStore();
            await client.mirror(store, { once: true });
            assert.deepEqual(store.all("tag"), [{ id: "g1", name: "vip" }]);
            assert.deepEqual(asked.map(pathOf).sort(), ["/agents", "/events", "/export", "/inboxes", "/tags"]);
        },
    ));

const cut = (id) => happened("message.received", { ticket: ticket(1), message: message(id, { truncated: true }) });

test("a message that its event cut is read whole, when it is listed, and stays whole", () => {
    let looked = 0;
    return withServer(
        world({
            parts: [whole(line("message", message("m1"), "l1"), end("e0"))],
            events: { e0: list([cut("m1"), cut("m2"), cut("m2")], { next_cursor: "e1" }) },
            others: {
                "/messages": (response, asked) => {
                    looked++;
                    assert.deepEqual(queryOf(asked), { ticket_id: "t1", created_since: message("m").created_at });
                    json(response, 200, list(looked === 1 ? [] : [message("m0"), message("m2")]));
                },
            },
        }),
        async (client) => {
            const store = new MemoryStore();
            await client.mirror(store, { once: true });
            assert.deepEqual(
                store.all("message").map((it) => [it.id, it.truncated]),
                [
                    ["m1", false],
                    ["m2", false],
                ],
            );
            assert.equal(looked, 2, "one that is kept whole is not looked for");
        },
    );
});

test("what the key may not list is left as events have it", () =>
    withServer(
        world({
            parts: [whole(end("e0"))],
            events: { e0: list([cut("m1"), cut("m2")], { next_cursor: "e1" }) },
            others: Object.fromEntries(
                ["/messages", "/inboxes"].map((it) => [it, (response) => refuse(response, 403, "insufficient_scope")]),
            ),
        }),
        async (client, asked) => {
            const store = new MemoryStore();
            await client.mirror(store, { once: true });
            assert.deepEqual(
                store.all("message").map((it) => [it.id, it.truncated]),
                [
                    ["m1", true],
                    ["m2", true],
                ],
            );
            assert.deepEqual(asked.map(pathOf).sort(), ["/events", "/export", "/inboxes", "/messages"]);
        },
    ));

test("a mirror follows until its signal ends it", () =>
    withServer(
        (asked, number, response) => {
            if (pathOf(asked) === "/export") return whole(line("inbox", { id: "i1" }, "l0"), end("e0"))(response);
            response.writeHead(200, { "content-type": "text/event-stream" });
            const from = Number(asked.headers["last-event-id"].slice(1));
            const text = (it) =>
                `id: e${it}\ndata: ${JSON.stringify(happened("ticket.created", { ticket: ticket(it) }))}\n\n`;
            response.end(text(from + 1) + text(from + 2));
        },
        async (client, asked) => {
            const store = new MemoryStore();
            const controller = new AbortController();
            let exported = 0;
            await client.mirror(store, {
                types: ["tickets"],
                signal: controller.signal,
                onExported: () => exported++,
                onChange: (type, it) => it.ticket_number === 5 && controller.abort(),
            });
            assert.equal(exported, 1);
            assert.deepEqual(
                store
                    .all("ticket")
                    .map((it) => it.ticket_number)
                    .slice(0, 5),
                [1, 2, 3, 4, 5],
            );
            assert.ok(asked.length >= 4);
        },
    ));
