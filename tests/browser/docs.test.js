// The docs page in a browser: it loads nothing from other hosts, a pasted key opens a ticket, and errors link to their entries.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { open, page as newPage, picture } from "./browser.js";
import { start } from "./product.js";

const DOCS = "/api/v1/docs";
let product, browser, inbox, key;

before(async () => {
    [product, browser] = await Promise.all([start(), open()]);
    const tenant = (await product.cli("tenant", "create", "--name", "Acme", "--plan", "business")).id;
    inbox = (await product.cli("inbox", "create", "--tenant", tenant, "--name", "Support", "--address", "help@example.com")).id;
    key = (await product.cli("key", "create", "--tenant", tenant, "--name", "docs")).key;
});

after(async () => {
    await browser?.close();
    await product?.stop();
});

async function visit(address = DOCS, options) {
    const visited = await newPage(browser, product.url, options);
    await visited.page.goto(address);
    return visited;
}

const operation = (page, id) => page.locator(`[id="operations-${id}"]`);
const loaded = (page) => operation(page, "Tickets-createTicket").waitFor();

for (const [width, colorScheme] of [[1280, "light"], [390, "dark"]]) {
    test(`the reference shows at ${width} px, ${colorScheme}, and nobody else is asked`, async () => {
        const { page, complaints, requests } = await visit(DOCS, { viewport: { width, height: 900 }, colorScheme });
        await loaded(page);
        await picture(page, `docs-${width}-${colorScheme}`);
        const head = operation(page, "Tickets-createTicket").locator(".opblock-summary-control");
        await head.click();
        await operation(page, "Tickets-createTicket").getByRole("button", { name: "Execute" }).waitFor();
        await operation(page, "Tickets-createTicket").scrollIntoViewIfNeeded();
        await picture(page, `docs-operation-${width}-${colorScheme}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `the page is ${wide} px wide`);
        const names = requests.map((request) => new URL(request.url()).pathname).filter((path) => path.startsWith("/api"));
        assert.ok(names.includes("/api/v1/openapi.json"), names.join(" "));
        assert.deepEqual(complaints, []);
        await page.context().close();
    });
}

test("every operation and webhook of the document is on the page", async () => {
    const { page, complaints } = await visit();
    await loaded(page);
    const document = await (await page.request.get("/api/v1/openapi.json")).json();
    const methods = ["get", "put", "post", "delete", "patch"];
    const of = (items) => Object.values(items).flatMap((item) => methods.filter((it) => item[it]).map((it) => item[it]));
    const ids = of(document.paths).map(({ tags, operationId }) => `${tags[0]}-${operationId}`);
    ids.push(...of(document.webhooks).map(({ operationId }) => `webhooks-${operationId}`));
    for (const id of ids) assert.equal(await operation(page, id).count(), 1, id);
    assert.equal(await page.locator(".opblock").count(), ids.length);
    const tags = await page.locator(".opblock-tag-section").all();
    assert.equal(tags.length, new Set(of(document.paths).flatMap(({ tags }) => tags)).size);
    for (const tag of tags) assert.notEqual(await tag.locator(".opblock").count(), 0, await tag.innerText());
    assert.deepEqual(complaints, []);
    await page.context().close();
});

test("a pasted key opens a ticket, and stays in the page", async () => {
    const { page, complaints, requests } = await visit();
    await loaded(page);
    await page.locator(".scheme-container").getByRole("button", { name: "Authorize" }).click();
    const dialog = page.locator(".dialog-ux");
    await dialog.getByRole("textbox").fill(key);
    await picture(page, "docs-key");
    await dialog.getByRole("button", { name: "Apply credentials" }).click();
    await dialog.getByRole("button", { name: "Close" }).first().click();

    const create = operation(page, "Tickets-createTicket");
    await create.locator(".opblock-summary-control").click();
    await create.locator("textarea.body-param__text").fill(JSON.stringify({ subject: "Lamp broken", inbox_id: inbox }));
    const answered = page.waitForResponse((response) => response.request().method() === "POST");
    await create.getByRole("button", { name: "Execute" }).click();
    const response = await answered;
    assert.equal(response.status(), 201, await response.text());
    await create.locator(".live-responses-table").getByText("201", { exact: true }).waitFor();
    await create.locator(".live-responses-table").scrollIntoViewIfNeeded();
    await picture(page, "docs-answer");

    const sent = requests.find((request) => request.method() === "POST");
    const headers = await sent.allHeaders();
    assert.equal(headers.authorization, `Bearer ${key}`);
    assert.equal(headers["idempotency-key"], undefined, "a key that nobody chose would repeat the first answer");

    const list = operation(page, "Tickets-listTickets");
    await list.locator(".opblock-summary-control").click();
    const listing = page.waitForResponse((response) => response.url().includes("/tickets?"));
    await list.getByRole("button", { name: "Execute" }).click();
    const { data } = await (await listing).json();
    assert.deepEqual(data.map((ticket) => ticket.subject), ["Lamp broken"], "nothing is filtered that nobody asked for");

    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    assert.ok(!kept.includes("ixk_"), kept);
    assert.deepEqual(complaints, []);
    await page.context().close();
});

test("the doc_url of an error leads to its entry and stays there while the reference loads", async () => {
    const { doc_url } = (await (await fetch(`${product.url}/api/v1/nothing`)).json()).error;
    for (const viewport of [{ width: 1280, height: 900 }, { width: 390, height: 800 }]) {
        const { page, complaints } = await visit(doc_url, { viewport });
        const entry = page.locator('[id="errors-route_not_found"]');
        await loaded(page);
        await page.waitForFunction(() => {
            const { top, bottom } = document.querySelector(":target").getBoundingClientRect();
            return top >= 0 && bottom <= innerHeight;
        });
        assert.equal(await entry.locator("h4").innerText(), "route_not_found");
        await picture(page, `docs-error-${viewport.width}`);
        assert.deepEqual(complaints, []);
        await page.context().close();
    }
});

test("links within the page work after the reference is there", async () => {
    const { page, complaints } = await visit();
    await loaded(page);
    await page.getByRole("navigation", { name: "This page" }).getByRole("link", { name: "Errors" }).click();
    await page.locator('[id="errors-validation_failed"]').getByRole("link").click();
    assert.match(page.url(), /#errors-validation_failed$/);
    assert.deepEqual(complaints, []);
    await page.context().close();
});

test("a link to an operation opens it and shows where it begins", async () => {
    const { page, complaints } = await visit(`${DOCS}#/Tickets/updateTicket`);
    const update = operation(page, "Tickets-updateTicket");
    await update.getByRole("button", { name: "Execute" }).waitFor();
    await page.waitForFunction(() => {
        const { top } = document.getElementById("operations-Tickets-updateTicket").getBoundingClientRect();
        return top >= 0 && top < innerHeight / 2;
    });
    await picture(page, "docs-link");
    assert.deepEqual(complaints, []);
    await page.context().close();
});

test("the errors can be read without JavaScript", async () => {
    const { page, complaints } = await visit(`${DOCS}#errors-rate_limited`, { javaScriptEnabled: false });
    const entry = page.locator('[id="errors-rate_limited"]');
    await entry.waitFor();
    assert.ok(await entry.isVisible());
    assert.match(await entry.innerText(), /Retry-After/);
    await picture(page, "docs-without-javascript");
    assert.deepEqual(complaints, []);
    await page.context().close();
});
