import assert from "node:assert/strict";
import { test } from "node:test";
import { json, list, withServer } from "./server.mjs";

const numbers = (items) => items.map((it) => it.ticket_number);
const rows = (from, to) =>
    Array.from({ length: to - from + 1 }, (_, at) => ({ id: `t${from + at}`, ticket_number: from + at }));

/** Answers seven tickets, three a page, by page and by cursor. */
function seven(asked, _, response) {
    const query = new URL(asked.url, "http://x").searchParams;
    const start = query.has("cursor") ? Number(query.get("cursor").slice(1)) : 3 * (Number(query.get("page") ?? 1) - 1);
    const more = start + 3 < 7;
    const page = query.has("cursor") ? null : start / 3 + 1;
    const meta = { page, total: 7, has_more: more, next_cursor: more ? `c${start + 3}` : null };
    json(response, 200, list(rows(start + 1, Math.min(7, start + 3)), meta));
}

test("a list goes on by cursor, with its filters", () =>
    withServer(seven, async (client, asked) => {
        const found = [];
        for await (const ticket of client.tickets.list({ status: ["open", "pending"], q: "a b&c", per_page: 3 }))
            found.push(ticket);
        assert.deepEqual(numbers(found), [1, 2, 3, 4, 5, 6, 7]);
        const common = "status=open%2Cpending&q=a%20b%26c&per_page=3";
        assert.deepEqual(
            asked.map((it) => it.url.split("?")[1]),
            [common, `${common}&cursor=c3`, `${common}&cursor=c6`],
        );
    }));

test("a list that was asked for by page goes on by page", () =>
    withServer(seven, async (client, asked) => {
        assert.deepEqual(numbers(await client.tickets.list({ page: 2 }).all()), [4, 5, 6, 7]);
        assert.deepEqual(
            asked.map((it) => it.url.split("?")[1]),
            ["page=2", "page=3"],
        );
    }));

test("a list goes on from a cursor", () =>
    withServer(seven, async (client) =>
        assert.deepEqual(numbers(await client.tickets.list({ cursor: "c3" }).all()), [4, 5, 6, 7]),
    ));

test("a list without cursors goes on by page", () =>
    withServer(
        (_, number, response) =>
            json(response, 200, { data: rows(number, number), meta: { page: number, has_more: number < 3 } }),
        async (client, asked) => {
            assert.deepEqual(numbers(await client.tags.list().all()), [1, 2, 3]);
            assert.deepEqual(
                asked.map((it) => it.url),
                ["/api/v1/tags", "/api/v1/tags?page=2", "/api/v1/tags?page=3"],
            );
        },
    ));

test("pages tell where they are, and reading stops where the reader stops", () =>
    withServer(seven, async (client, asked) => {
        const page = await client.tickets.list({ page: 2, per_page: 3 }).first();
        assert.deepEqual([numbers(page.data), page.meta.total, page.meta.page], [[4, 5, 6], 7, 2]);
        for await (const { data, meta } of client.tickets.list().pages()) {
            assert.deepEqual([numbers(data), meta.next_cursor], [[1, 2, 3], "c3"]);
            break;
        }
        assert.equal(asked.length, 2);
    }));

test("all is bounded", () =>
    withServer(seven, async (client) => {
        await assert.rejects(client.tickets.list().all(4), RangeError);
        assert.equal((await client.tickets.list().all(7)).length, 7);
    }));

test("a list may be read twice", () =>
    withServer(seven, async (client) => {
        const tickets = client.tickets.list();
        assert.equal((await tickets.all()).length, 7);
        assert.equal((await tickets.all()).length, 7);
    }));

test("a list that has more but no place to go on from fails", () =>
    withServer(
        (_, number, response) => json(response, 200, list([], { has_more: true, page: null })),
        async (client) => {
            await assert.rejects(client.messages.list().all(), TypeError);
        },
    ));

test("every list is where the API has it", () =>
    withServer(
        (_, number, response) => json(response, 200, list([])),
        async (client, asked) => {
            const lists = {
                "/api/v1/agents": client.agents.list(),
                "/api/v1/inboxes": client.inboxes.list(),
                "/api/v1/tags": client.tags.list(),
                "/api/v1/tickets/7/messages": client.tickets.messages(7),
                "/api/v1/tickets/7/tags": client.tickets.tags(7),
                "/api/v1/messages?ticket_id=a%2Cb": client.messages.list({ ticket_id: ["a", "b"] }),
                "/api/v1/webhooks": client.webhooks.list(),
                "/api/v1/webhooks/w/deliveries?status=failed": client.webhooks.deliveries("w", { status: ["failed"] }),
                "/api/v1/webhooks/w/undelivered": client.webhooks.undelivered("w"),
                "/api/v1/deliveries?response_status=5xx%2C404": client.deliveries.list({
                    response_status: ["5xx", 404],
                }),
                "/api/v1/audit?action=key.created": client.audit.list({ action: "key.created" }),
            };
            for (const one of Object.values(lists)) assert.deepEqual(await one.all(), []);
            assert.deepEqual(
                asked.map((it) => it.url),
                Object.keys(lists),
            );
        },
    ));
