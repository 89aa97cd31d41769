// Forty steps against a real server, with the package as it is installed: `node scenario.mjs`, with INBOXOPS_URL and
// INBOXOPS_API_KEY of a workspace that nobody else changes meanwhile. STEPS ends it earlier. It prints a line for each
// step, and ends with 1 at the first that does not hold.

import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { Inboxops, InboxopsError, MemoryStore, verifyWebhook, WebhookVerificationError } from "@inboxops/client";

const { INBOXOPS_URL: baseUrl, INBOXOPS_API_KEY: apiKey, STEPS = "40" } = process.env;
const WAIT_MS = 60_000;
const client = new Inboxops({ baseUrl, apiKey });
const steps = [];
const step = (name, run) => steps.push([name, run]);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what, condition) {
    for (const end = Date.now() + WAIT_MS; ; await sleep(20)) {
        const said = await condition();
        if (said) return said;
        assert.ok(Date.now() < end, `not within ${WAIT_MS} ms: ${what}`);
    }
}

async function fails(promise, status, code) {
    const error = await promise.then(
        () => assert.fail(`no ${code}`),
        (it) => it,
    );
    assert.ok(error instanceof InboxopsError, String(error));
    assert.deepEqual([error.status, error.code], [status, code]);
    assert.ok(error.requestId, "the request has a name");
    return error;
}

async function taken(count, items) {
    const found = [];
    for await (const item of items) {
        found.push(item);
        if (found.length === count) break;
    }
    return found;
}

/** A way to the server that breaks when it is told to. */
class Line {
    sockets = new Set();
    cuts = 0;
    /** Bytes that still come from the server before the connection breaks. */
    left = Infinity;

    async open() {
        const { hostname, port } = new URL(baseUrl);
        const server = createServer((near) => {
            const far = connect(Number(port), hostname);
            for (const socket of [near, far]) {
                this.sockets.add(socket);
                socket.on("error", () => undefined);
                socket.on("close", () => (this.sockets.delete(socket), near.destroy(), far.destroy()));
            }
            near.pipe(far);
            far.on("data", (bytes) => {
                if (bytes.length > this.left) {
                    near.write(bytes.subarray(0, this.left), () => this.cut());
                    this.left = Infinity;
                } else {
                    this.left -= bytes.length;
                    near.write(bytes);
                }
            });
        });
        await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
        server.unref();
        return new Inboxops({ baseUrl: `http://127.0.0.1:${server.address().port}`, apiKey });
    }

    cut() {
        this.cuts++;
        for (const socket of this.sockets) socket.destroy();
    }
}

/** A receiver of webhooks, which answers a status and keeps what came. */
const hooks = [];
let hookStatus = 204;
const receiver = createHttpServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
        hooks.push({ headers: request.headers, body: Buffer.concat(parts) });
        response.writeHead(hookStatus, { connection: "close" }).end();
    });
});
await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
receiver.unref();
const hookUrl = `http://127.0.0.1:${receiver.address().port}/hook`;
const hook = (event, from = 0) =>
    until(`a webhook ${event}`, () => hooks.slice(from).find((it) => JSON.parse(it.body).event === event));

const line = new Line();
const shaky = await line.open();
let inbox, agent, ticket, tag, endpoint, secret, delivery, start;
const opened = [];
const create = async (subject, more = {}) => {
    const made = await client.tickets.create({ subject, inbox_id: inbox.id, ...more });
    opened.push(made);
    return made;
};

/** Where the log of events ends. */
async function newest(after = start) {
    const { meta } = await client.calls.listEvents({ query: { after, limit: 100 } });
    return meta.has_more ? newest(meta.next_cursor) : meta.next_cursor;
}

step("the key tells whose it is", async () => {
    const me = await client.me();
    assert.ok(me.tenant.id && me.key.scopes.includes("tickets:read"));
});
step("inboxes are listed and read", async () => {
    [inbox] = await client.inboxes.list().all();
    assert.deepEqual(await client.inboxes.get(inbox.id), inbox);
});
step("agents are listed", async () => {
    [agent] = await client.agents.list().all();
    assert.ok(agent.email);
});
step("the log of events has an end", async () => {
    start = await newest();
    assert.ok(start);
});
step("a ticket is opened", async () => {
    ticket = await create("Where is my order?", { priority: "high" });
    assert.deepEqual([ticket.status, ticket.priority, ticket.version], ["open", "high", 1]);
});
step("a write with the key of an earlier one happens once", async () => {
    const write = () =>
        client.tickets.create({ subject: "Once", inbox_id: inbox.id }, { idempotencyKey: "scenario-once" });
    const first = await write();
    assert.deepEqual(await write(), first);
    opened.push(first);
    await fails(
        client.tickets.create({ subject: "Other", inbox_id: inbox.id }, { idempotencyKey: "scenario-once" }),
        422,
        "idempotency_key_reused",
    );
});
step("a ticket is read by its id and by its number", async () => {
    assert.deepEqual(await client.tickets.get(ticket.id), ticket);
    assert.deepEqual(await client.tickets.get(ticket.ticket_number), ticket);
});
step("a ticket is changed if it has the version that was seen", async () => {
    const changed = await client.tickets.update(ticket.id, { status: "pending" }, { ifVersion: ticket.version });
    assert.deepEqual([changed.status, changed.version], ["pending", 2]);
    await fails(
        client.tickets.update(ticket.id, { status: "open" }, { ifVersion: ticket.version }),
        412,
        "precondition_failed",
    );
    ticket = changed;
});
step("a ticket is assigned, and to nobody again", async () => {
    assert.equal((await client.tickets.update(ticket.id, { assignee_id: agent.id })).assignee_id, agent.id);
    ticket = await client.tickets.update(ticket.id, { assignee_id: null });
    assert.equal(ticket.assignee_id, null);
});
step("an unknown ticket is 404", async () => {
    await fails(client.tickets.get("00000000-0000-7000-8000-000000000000"), 404, "ticket_not_found");
});
step("an invalid write names each of its fields", async () => {
    const wrong = { subject: " ", inbox_id: inbox.id, priority: "huge" };
    const error = await fails(client.tickets.create(wrong), 422, "validation_failed");
    assert.deepEqual(error.details.map((it) => [it.field, it.code]).sort(), [
        ["priority", "invalid_enum"],
        ["subject", "blank"],
    ]);
});
step("a wrong key is 401", async () => {
    await fails(new Inboxops({ baseUrl, apiKey: "ixk_wrong" }).me(), 401, "invalid_api_key");
});
step("a note is added, and is not among the messages", async () => {
    const note = await client.tickets.addNote(ticket.id, { body_text: "Asked the carrier." });
    assert.deepEqual([note.type, note.body_text], ["internal_note", "Asked the carrier."]);
    assert.deepEqual(await client.tickets.messages(ticket.id).all(), []);
});
step("a tag is made by its name, and added once", async () => {
    tag = await client.tickets.addTag(ticket.id, { tag_name: "vip" });
    assert.deepEqual(await client.tickets.addTag(ticket.id, { tag_id: tag.id }), tag);
    assert.deepEqual(await client.tickets.tags(ticket.id).all(), [tag]);
    assert.ok((await client.tags.list().all()).some((it) => it.id === tag.id));
});
step("a tag is removed once", async () => {
    await client.tickets.removeTag(ticket.id, tag.id);
    await fails(client.tickets.removeTag(ticket.id, tag.id), 404, "tag_not_found");
});
step("many tickets are opened at once", async () => {
    await Promise.all(
        Array.from({ length: 40 }, (_, at) => create(`Order ${at}`, { priority: at % 2 ? "low" : "urgent" })),
    );
    assert.equal(new Set(opened.map((it) => it.ticket_number)).size, 42);
});
step("a list is read by page", async () => {
    const pages = await taken(Infinity, client.tickets.list({ page: 1, per_page: 10 }).pages());
    assert.deepEqual(
        pages.map((it) => it.meta.page),
        pages.map((_, at) => at + 1),
    );
    const total = pages[0].meta.total;
    assert.equal(new Set(pages.flatMap((it) => it.data.map((one) => one.id))).size, total);
    assert.ok(total >= 42);
});
step("a list is filtered and sorted", async () => {
    const query = { priority: ["urgent"], q: "order", status: ["open", "pending"], sort: "ticket_number", per_page: 7 };
    const found = await client.tickets.list(query).all();
    assert.equal(found.length, 20);
    assert.deepEqual(
        found.map((it) => it.ticket_number),
        found.map((it) => it.ticket_number).sort((left, right) => left - right),
    );
    assert.deepEqual(await client.tickets.list({ q: "no such subject" }).all(), []);
    await fails(client.tickets.list({ per_page: 101 }).first(), 400, "invalid_parameter");
});
step("a call is ended by its signal", async () => {
    const reason = new Error("enough");
    await assert.rejects(client.me({ signal: AbortSignal.abort(reason) }), (it) => it === reason);
});
step("a write whose answer is lost happens once", async () => {
    line.left = 10;
    const made = await shaky.tickets.create({ subject: "The line broke", inbox_id: inbox.id });
    opened.push(made);
    assert.equal(line.cuts, 1);
    assert.deepEqual(
        (await client.tickets.list({ q: "The line broke" }).all()).map((it) => it.id),
        [made.id],
    );
});
step("an endpoint is added, and its secret is shown", async () => {
    endpoint = await client.webhooks.create({ url: hookUrl, events: ["ticket.*"] });
    secret = endpoint.secret;
    assert.match(secret, /^whsec_/);
    assert.equal((await client.webhooks.get(endpoint.id)).secret, null);
    assert.ok((await client.webhooks.list().all()).some((it) => it.id === endpoint.id));
});
step("a webhook is verified, and is the event", async () => {
    const made = await create("Tell me");
    const { headers, body } = await hook("ticket.created");
    const event = await verifyWebhook(secret, headers, body);
    assert.deepEqual(event.data.ticket, made);
});
step("a forged webhook is refused", async () => {
    const { headers, body } = hooks[0];
    for (const [key, bytes] of [
        [secret, Buffer.concat([body, Buffer.from(" ")])],
        [`whsec_${"A".repeat(32)}`, body],
    ]) {
        await assert.rejects(verifyWebhook(key, headers, bytes), WebhookVerificationError);
    }
});
step("a secret is rotated without a lost webhook", async () => {
    const rotated = await client.webhooks.rotateSecret(endpoint.id);
    const before = hooks.length;
    await client.webhooks.test(endpoint.id, { event: "ticket.closed", data: { mine: 1.5 } });
    const { headers, body } = await hook("ticket.closed", before);
    assert.ok(body.includes('"mine":1.5,"test":true'));
    for (const one of [secret, rotated.secret, [rotated.secret, secret]])
        assert.ok(await verifyWebhook(one, headers, body));
    secret = rotated.secret;
    await client.webhooks.promoteSecret(endpoint.id);
});
step("a delivery that failed is sent again", async () => {
    hookStatus = 500;
    delivery = await client.webhooks.test(endpoint.id, { event: "ticket.created" });
    const ended = () => client.deliveries.get(delivery.id);
    await until("it failed", async () => (await ended()).status === "failed");
    hookStatus = 204;
    await client.deliveries.resend(delivery.id);
    const done = await until("it is delivered", async () => {
        const shown = await ended();
        return shown.status === "delivered" && shown;
    });
    assert.deepEqual(done.attempts.map((it) => it.response_status).sort(), [204, 500]);
});
step("the deliveries of an endpoint are listed", async () => {
    const tests = (await client.webhooks.deliveries(endpoint.id, { per_page: 2 }).all()).filter((it) => it.test);
    assert.ok(tests.some((it) => it.id === delivery.id));
});
step("the events that were never received are counted", async () => {
    const job = await client.webhooks.recover(endpoint.id, { since: opened[0].created_at, dry_run: true });
    assert.ok(job.matched >= 40, String(job.matched));
    assert.ok(
        (await client.webhooks.eventTypes()).some(
            (it) => it.event === "ticket.created" || it.name === "ticket.created",
        ),
    );
});
step("an endpoint is changed and deleted", async () => {
    assert.equal((await client.webhooks.update(endpoint.id, { description: "Scenario" })).description, "Scenario");
    await client.webhooks.delete(endpoint.id);
    await fails(client.webhooks.get(endpoint.id), 404, "endpoint_not_found");
});
step("events are polled from a place on", async () => {
    const events = client.events({ after: start, types: ["ticket.created"], transport: "poll" });
    const found = (await taken(opened.length, events)).map((it) => it.event.data.ticket.ticket_number);
    assert.deepEqual(
        found,
        opened.map((it) => it.ticket_number).sort((left, right) => left - right),
    );
});
step("a stream of events goes on after its connection broke", async () => {
    const cuts = line.cuts;
    const seen = new Set();
    const after = await newest();
    await create("Live 0");
    let made = 0;
    for await (const { event } of shaky.events({ after, types: ["ticket.created"] })) {
        seen.add(event.data.ticket.subject);
        if (seen.size === 6) break;
        line.cut();
        if (seen.size > made) await create(`Live ${++made}`);
    }
    assert.deepEqual([...seen], ["Live 0", "Live 1", "Live 2", "Live 3", "Live 4", "Live 5"]);
    assert.ok(line.cuts >= cuts + 5);
});

// From here on: what came with lists by cursor, the export and the log of all endpoints.
step("events begin with what happens from now on", async () => {
    const events = client.events({ types: ["ticket.created"] });
    const first = events.next();
    first.catch(() => undefined);
    // What is opened before it follows is not for it.
    const found = await until("it follows", async () => {
        await create("From now on");
        return Promise.race([first, sleep(1000)]);
    });
    assert.equal(found.value.event.data.ticket.subject, "From now on");
    await events.return();
});
step("a list is read by cursor", async () => {
    const pages = await taken(Infinity, client.tickets.list({ per_page: 10, sort: "created_at" }).pages());
    assert.deepEqual([pages[0].meta.page, pages[1].meta.page], [1, null]);
    const ids = pages.flatMap((it) => it.data.map((one) => one.id));
    assert.deepEqual([ids.length, new Set(ids).size], [pages[0].meta.total, pages[0].meta.total]);
    await fails(
        client.tickets.list({ cursor: pages[0].meta.next_cursor, status: ["closed"] }).first(),
        400,
        "invalid_cursor",
    );
});
step("tickets are read by ids, with their messages", async () => {
    const ids = opened.slice(0, 3).map((it) => it.id);
    const found = await client.tickets.list({ ids, include: ["messages"] }).all();
    assert.deepEqual(found.map((it) => it.id).sort(), [...ids].sort());
    assert.deepEqual(
        found.map((it) => [it.messages, it.messages_truncated]),
        [
            [[], false],
            [[], false],
            [[], false],
        ],
    );
});
step("what changed since a time is read until a time", async () => {
    const { data, meta } = await client.tickets
        .list({ updated_since: opened[0].created_at, updated_until: new Date().toISOString() })
        .first();
    assert.ok(data.length > 0 && meta.safe_since);
});
step("messages of all tickets are listed, oldest first", async () => {
    const times = (await client.messages.list({ per_page: 100 }).all()).map((it) => it.created_at);
    assert.deepEqual(times, [...times].sort());
});
step("the deliveries of all endpoints are listed, counted and canceled", async () => {
    const dead = await client.webhooks.create({ url: `${hookUrl}/dead`, events: ["ticket.created"] });
    hookStatus = 500;
    await create("Never received");
    const [waiting] = await until("it is retried", async () => {
        const found = await client.deliveries.list({ endpoint_id: dead.id, status: ["retrying"] }).all();
        return found.length > 0 && found;
    });
    assert.equal((await client.deliveries.cancel(waiting.id)).status, "canceled");
    assert.ok(await client.webhooks.stats(dead.id));
    const job = await client.webhooks.resend(dead.id, { status: ["canceled"], dry_run: true });
    assert.equal(job.matched, 1);
    hookStatus = 204;
    await client.webhooks.delete(dead.id);
});
step("the audit log is for keys that may read it", async () => {
    const isAllowed = (await client.me()).key.scopes.includes("audit:read");
    if (isAllowed) assert.ok(await client.audit.list().first());
    else await fails(client.audit.list().first(), 403, "insufficient_scope");
});
step("the export has every ticket, and ends", async () => {
    const lines = await taken(Infinity, client.export({ types: ["tickets", "tags", "inboxes", "agents"] }));
    const end = lines.pop();
    assert.deepEqual([end.type, end.count], ["end", lines.length]);
    const tickets = lines.filter((it) => it.type === "ticket").map((it) => it.data.id);
    assert.equal(new Set(tickets).size, (await client.tickets.list().first()).meta.total);
});

const store = new MemoryStore();
const byId = (items) => items.sort((left, right) => (left.id < right.id ? -1 : 1));
/** The store holds what the lists show, word for word. */
async function isSame() {
    for (const [type, list] of [
        ["ticket", client.tickets],
        ["message", client.messages],
        ["tag", client.tags],
        ["inbox", client.inboxes],
        ["agent", client.agents],
    ]) {
        assert.deepEqual(byId(store.all(type)), byId(await list.list({ per_page: 100 }).all()), type);
    }
}
step("a mirror is the same as the workspace, though its connection breaks", async () => {
    const controller = new AbortController();
    const cuts = line.cuts;
    line.left = 1500;
    let isExported = false;
    const done = shaky.mirror(store, { signal: controller.signal, onExported: () => (isExported = true) });
    await until("the export is whole", () => isExported);
    assert.ok(line.cuts > cuts, "the export was cut");
    for (let at = 0; at < 4; at++) {
        const made = await create(`Mirrored ${at}`);
        await client.tickets.addTag(made.id, { tag_name: `mirror ${at}` });
        line.cut();
        await client.tickets.update(made.id, { status: "solved" });
        await until("it is mirrored", () => store.get("ticket", made.id)?.resource.status === "solved");
    }
    controller.abort();
    await done;
    await isSame();
});
step("a mirror goes on from where it was", async () => {
    const { eventsCursor, round } = store.load();
    await client.tickets.update(ticket.id, { subject: "Changed while nobody looked", status: "closed" });
    await client.mirror(store, { once: true });
    assert.equal(store.load().round, round);
    assert.notEqual(store.load().eventsCursor, eventsCursor);
    await isSame();
});

assert.equal(steps.length, 40);
for (const [at, [name, run]] of steps.slice(0, Number(STEPS)).entries()) {
    try {
        await run();
    } catch (error) {
        console.error(`not ok ${at + 1} ${name}\n`, error);
        process.exit(1);
    }
    console.log(`ok ${at + 1} ${name}`);
}
process.exit(0);
