// A browser's own EventSource reads the stream of events.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { stage, until } from "./ui.js";

let scene;
before(async () => {
    scene = await stage();
});
after(() => scene?.leave());

test("EventSource gets every event once, with its type, its data and an id to go on from", async () => {
    const { product, browser, tenant, ticket } = scene;
    const { key } = await product.cli("key", "create", "--tenant", tenant, "--name", "stream");
    const context = await browser.newContext({ baseURL: product.url });
    const page = await context.newPage();
    // EventSource takes no headers; what a page's own server would add is added here.
    await page.route("**/api/v1/events*", (route) => {
        const headers = { ...route.request().headers(), authorization: `Bearer ${key}` };
        return route.continue({ headers });
    });
    // Another page than the reference, which may connect to nothing.
    await page.goto("/login");
    await page.evaluate(() => {
        globalThis.seen = [];
        globalThis.listen = () => {
            const source = new EventSource("/api/v1/events?types=ticket.created");
            source.addEventListener("message", () => globalThis.seen.push("a message without a type"));
            source.addEventListener("ticket.created", (event) => {
                globalThis.seen.push([JSON.parse(event.data).data.ticket.subject, event.lastEventId]);
            });
            return new Promise((resolve, reject) => {
                source.addEventListener("open", () => resolve(), { once: true });
                source.addEventListener("error", () => reject(new Error(`state ${source.readyState}`)), { once: true });
            });
        };
        return globalThis.listen();
    });
    await ticket("One");
    await ticket("Two");
    const seen = await until(() => page.evaluate(() => globalThis.seen.length >= 2 && globalThis.seen), "two events");
    assert.deepEqual(seen.map(([subject]) => subject), ["One", "Two"]);
    assert.ok(seen.every(([, id]) => id) && seen[0][1] !== seen[1][1], "each has an id of its own");
    await context.close();
});
