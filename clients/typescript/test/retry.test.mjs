import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { Inboxops, InboxopsError, VERSION } from "../dist/index.js";
import { backoff, waitBefore } from "../dist/retry.js";
import { retryAfterOf } from "../dist/error.js";
import { data, json, refuse, withServer } from "./server.mjs";
import { readFileSync } from "node:fs";

const failure =
    (code, members = {}) =>
    (error) => {
        assert.ok(error instanceof InboxopsError, String(error));
        assert.deepEqual(
            { code: error.code, ...Object.fromEntries(Object.keys(members).map((it) => [it, error[it]])) },
            { code, ...members },
        );
        return true;
    };

for (const status of [429, 502, 503, 504]) {
    test(`${status} is tried again, for a read and for a write`, () =>
        withServer(
            (_, number, response) =>
                number % 2 ? refuse(response, status, "later") : json(response, 200, data({ id: "t1" })),
            async (client, asked) => {
                assert.equal((await client.tickets.get(1)).id, "t1");
                assert.equal((await client.tickets.update(1, { status: "open" })).id, "t1");
                assert.deepEqual(
                    asked.map((it) => it.method),
                    ["GET", "GET", "PATCH", "PATCH"],
                );
            },
        ));
}

for (const status of [400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422, 500]) {
    test(`${status} is final`, () =>
        withServer(
            (_, number, response) => refuse(response, status, "no_good", { "retry-after": "1" }),
            async (client, asked) => {
                const members = { status, requestId: "req-1", docUrl: "/d#no_good", retryAfter: 1 };
                await assert.rejects(
                    client.tickets.create({ subject: "A", inbox_id: "i" }),
                    failure("no_good", members),
                );
                assert.equal(asked.length, 1);
            },
        ));
}

test("all attempts of a write have one idempotency key, and each write has its own", () =>
    withServer(
        (_, number, response) =>
            number < 3 ? refuse(response, 503, "later") : json(response, 200, data({ id: "t1" })),
        async (client, asked) => {
            await client.tickets.update(1, { status: "open" });
            await client.tickets.update(1, { status: "open" });
            await client.tickets.update(
                1,
                { status: "open" },
                { idempotencyKey: "mine", ifVersion: 7, requestId: "job-1" },
            );
            const keys = asked.map((it) => it.headers["idempotency-key"]);
            assert.match(keys[0], /^[0-9a-f]{32}$/);
            assert.deepEqual([keys[1], keys[2]], [keys[0], keys[0]]);
            assert.notEqual(keys[3], keys[0]);
            assert.deepEqual(
                [keys[4], asked[4].headers["if-match"], asked[4].headers["x-request-id"]],
                ["mine", '"7"', "job-1"],
            );
            assert.equal(asked[4].headers["user-agent"], `inboxops-typescript/${VERSION}`);
            assert.deepEqual([asked[4].headers.authorization, asked[4].body], ["Bearer ixk_test", '{"status":"open"}']);
        },
    ));

test("a read has no idempotency key and no body", () =>
    withServer(
        (_, number, response) => json(response, 200, data({ id: "t1" })),
        async (client, asked) => {
            await client.tickets.get(1);
            const { headers } = asked[0];
            assert.deepEqual(
                [headers["idempotency-key"], headers["content-type"], headers.accept],
                [undefined, undefined, "application/json"],
            );
        },
    ));

test("Retry-After is heeded", () =>
    withServer(
        (_, number, response) =>
            number === 1 ? refuse(response, 429, "rate_limited", { "retry-after": "1" }) : json(response, 200, data(1)),
        async (client, asked) => {
            await client.me();
            assert.ok(asked[1].at - asked[0].at >= 995, `${asked[1].at - asked[0].at} ms`);
        },
    ));

test("a Retry-After that is too long to wait for is told", () =>
    withServer(
        (_, number, response) => refuse(response, 429, "rate_limited", { "retry-after": "3600" }),
        async (client, asked) => {
            await assert.rejects(client.me(), failure("rate_limited", { status: 429, retryAfter: 3600 }));
            assert.equal(asked.length, 1);
        },
    ));

test("a connection that breaks is tried again, before the answer and within its body", () =>
    withServer(
        (_, number, response, socket) => {
            if (number === 1) return socket.destroy();
            if (number > 2) return json(response, 201, data({ id: "t1" }));
            response.writeHead(201, { "content-length": "100" }).write('{"data"');
            setTimeout(() => socket.destroy(), 20);
        },
        async (client, asked) => {
            assert.equal((await client.tickets.create({ subject: "A", inbox_id: "i" })).id, "t1");
            assert.equal(new Set(asked.map((it) => it.headers["idempotency-key"])).size, 1);
            assert.equal(asked.length, 3);
        },
    ));

test("a server that is not there fails after the last attempt", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    const client = new Inboxops({ baseUrl: `http://127.0.0.1:${port}`, apiKey: "ixk_test", maxRetries: 1 });
    await assert.rejects(
        client.me(),
        (error) => failure("connection_failed", { status: 0, requestId: null })(error) && error.cause !== undefined,
    );
});

test("an answer that does not come in time is tried again, and then fails", () =>
    withServer(
        () => undefined,
        async (client, asked) => {
            await assert.rejects(client.me({ timeoutMs: 50 }), failure("request_timeout", { status: 0 }));
            assert.equal(asked.length, 2);
        },
        { maxRetries: 1 },
    ));

test("maxRetries is the number of repeats", () =>
    withServer(
        (_, number, response) => refuse(response, 503, "service_unavailable"),
        async (client, asked) => {
            await assert.rejects(client.me({ maxRetries: 0 }), failure("service_unavailable"));
            assert.equal(asked.length, 1);
            await assert.rejects(client.me(), failure("service_unavailable"));
            assert.equal(asked.length, 4);
        },
        { maxRetries: 2 },
    ));

test("the caller's signal ends a call while it runs, and while it waits to be repeated", () =>
    withServer(
        (_, number, response) => number > 1 && refuse(response, 503, "later", { "retry-after": "100" }),
        async (client, asked) => {
            const reason = new Error("enough");
            for (const count of [1, 2]) {
                const controller = new AbortController();
                setTimeout(() => controller.abort(reason), 100);
                await assert.rejects(client.me({ signal: controller.signal }), (error) => error === reason);
                assert.equal(asked.length, count);
            }
            await assert.rejects(client.me({ signal: AbortSignal.abort(reason) }), (error) => error === reason);
            assert.equal(asked.length, 2);
        },
    ));

test("a write that is still running because of an earlier attempt is waited for", () =>
    withServer(
        (_, number, response, socket) => {
            if (number === 1) socket.destroy();
            else if (number === 2) refuse(response, 409, "idempotency_in_progress", { "retry-after": "0" });
            else json(response, 200, data({ id: "t1" }));
        },
        async (client, asked) => {
            assert.equal((await client.tickets.update(1, {})).id, "t1");
            assert.equal(asked.length, 3);
        },
    ));

test("a key of the caller's that is in use elsewhere is a failure", () =>
    withServer(
        (_, number, response) => refuse(response, 409, "idempotency_in_progress", { "retry-after": "0" }),
        async (client, asked) => {
            await assert.rejects(
                client.tickets.update(1, {}, { idempotencyKey: "mine" }),
                failure("idempotency_in_progress"),
            );
            assert.equal(asked.length, 1);
        },
    ));

test("an answer that is not the API's is told as such", () =>
    withServer(
        (_, number, response) => {
            if (number === 1) response.writeHead(404, { "content-type": "text/html" }).end("<h1>Nothing here</h1>");
            else if (number === 2) response.writeHead(200).end("<h1>Welcome</h1>");
            else response.writeHead(302, { location: "/login" }).end();
        },
        async (client) => {
            await assert.rejects(client.me(), failure("unexpected_answer", { status: 404 }));
            await assert.rejects(client.me(), failure("unexpected_answer", { status: 200 }));
            await assert.rejects(client.me(), failure("unexpected_answer", { status: 302 }));
        },
    ));

test("details of an error are those of the answer", () =>
    withServer(
        (_, number, response) =>
            refuse(response, 422, "validation_failed", {}, [
                { location: "body", field: "subject", code: "blank", message: "must not be blank" },
            ]),
        async (client) => {
            await assert.rejects(
                client.tickets.update(1, { subject: "" }),
                (error) => error.details[0].field === "subject",
            );
        },
    ));

test("values of a path are escaped, and what would name another path is refused", () =>
    withServer(
        (_, number, response) => json(response, 200, data(null)),
        async (client, asked) => {
            await client.tickets.get("a/b?c");
            assert.equal(asked[0].url, "/api/v1/tickets/a%2Fb%3Fc");
            for (const id of ["", ".", ".."]) await assert.rejects(client.tickets.get(id), TypeError);
            assert.equal(asked.length, 1);
        },
    ));

test("a delete answers nothing", () =>
    withServer(
        (_, number, response) => response.writeHead(204).end(),
        async (client, asked) => {
            assert.equal(await client.tickets.removeTag(1, "g1"), undefined);
            assert.deepEqual([asked[0].method, asked[0].url], ["DELETE", "/api/v1/tickets/1/tags/g1"]);
        },
    ));

test("the base may have a slash or the API's own path behind it", async () => {
    await withServer(
        (_, number, response) => json(response, 200, data(1)),
        async (_, asked, baseUrl) => {
            for (const end of ["/", "/api/v1", "/api/v1/"])
                await new Inboxops({ baseUrl: baseUrl + end, apiKey: "k" }).me();
            assert.deepEqual(
                asked.map((it) => it.url),
                Array(3).fill("/api/v1/me"),
            );
        },
    );
    assert.throws(() => new Inboxops({ apiKey: "k" }), /baseUrl/);
    assert.throws(() => new Inboxops({ baseUrl: "http://localhost", apiKey: "" }), /apiKey/);
});

test("another fetch may be used", async () => {
    const fetch = async (url, init) => new Response(JSON.stringify(data({ url, method: init.method })));
    const answer = await new Inboxops({ baseUrl: "https://desk.example.com", apiKey: "k", fetch }).me();
    assert.deepEqual(answer, { url: "https://desk.example.com/api/v1/me", method: "GET" });
});

test("the back-off is anything up to a bound that doubles up to a cap", () => {
    assert.deepEqual(
        [0, 1, 2, 5, 6, 100].map((it) => backoff(it, () => 1)),
        [250, 500, 1000, 8000, 10_000, 10_000],
    );
    assert.equal(
        backoff(3, () => 0),
        0,
    );
});

test("a repeat never comes before Retry-After", () => {
    const error = new InboxopsError("later", { code: "later", status: 429, retryAfter: 30 });
    assert.equal(
        waitBefore(error, 0, 4, () => 0),
        30_000,
    );
    assert.equal(
        waitBefore(error, 3, 4, () => 1),
        31_000,
    );
    assert.equal(
        waitBefore(error, 4, 4, () => 1),
        null,
    );
});

test("Retry-After is a number or a date", () => {
    const now = Date.parse("2026-11-24T12:00:00Z");
    assert.deepEqual(
        ["7", " 0 ", "Tue, 24 Nov 2026 12:00:09 GMT", "Tue, 24 Nov 2026 11:00:00 GMT", "soon", null].map((it) =>
            retryAfterOf(it, now),
        ),
        [7, 0, 9, 0, null, null],
    );
});

test("the version that requests tell is the package's", () => {
    assert.equal(VERSION, JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version);
});
