// The reference page in a browser: it asks nobody, every operation is found and read in less than two screens, and errors
// link to their entries.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { open, page as newPage, picture } from "./browser.js";
import { start } from "./product.js";
import { accessible } from "./ui.js";

const DOCS = "/api/v1/docs";
const WINDOWS = [{ width: 1280, height: 900 }, { width: 390, height: 800 }];
let product, browser, api;

before(async () => {
    [product, browser] = await Promise.all([start(), open()]);
    api = await (await fetch(`${product.url}/api/v1/openapi.json`)).json();
});

after(async () => {
    await browser?.close();
    await product?.stop();
});

async function visit(address = DOCS, options) {
    const visited = await newPage(browser, product.url, options);
    await visited.page.goto(address);
    const close = async () => {
        assert.deepEqual(visited.complaints, []);
        await visited.page.context().close();
    };
    return { ...visited, close };
}

const METHODS = ["get", "put", "post", "delete", "patch"];
const told = (items) => Object.values(items).flatMap((item) => METHODS.filter((it) => item[it]).map((it) => item[it]));
const article = (page, id) => page.locator(`[id="${id}"]`);
const heading = (page, id) => article(page, id).locator("summary").first();
const isOpen = (page, id) => article(page, id).locator("details").first().evaluate((it) => it.open);
const menu = (page) => page.getByRole("navigation", { name: "Reference" });
const search = (page) => page.getByRole("searchbox", { name: "Search" });

for (const viewport of WINDOWS) {
    for (const colorScheme of ["light", "dark"]) {
        test(`the page passes the rules at ${viewport.width} px, ${colorScheme}, and nobody else is asked`, async () => {
            const { page, requests, close } = await visit(DOCS, { viewport, colorScheme });
            await accessible(page, "folded");
            await picture(page, `docs-${viewport.width}-${colorScheme}`);
            await heading(page, "operation-createTicket").click();
            await heading(page, "operation-listTickets").click();
            await article(page, "operation-createTicket").scrollIntoViewIfNeeded();
            await picture(page, `docs-operation-${viewport.width}-${colorScheme}`);
            await page.evaluate(() => {
                for (const fold of document.querySelectorAll("#operation-createTicket details:not(.sample), #schema-Ticket details")) fold.open = true;
            });
            await accessible(page, "opened");
            const wide = await page.evaluate(() => document.documentElement.scrollWidth);
            assert.ok(wide <= viewport.width, `the page is ${wide} px wide`);
            const paths = requests.map((request) => new URL(request.url())).filter((url) => url.protocol !== "data:").map((url) => url.pathname);
            assert.deepEqual(paths.sort(), [DOCS, `${DOCS}/page.css`, `${DOCS}/page.js`], "nothing is asked but the page");
            await close();
        });
    }
}

test("every operation and event of the document is on the page and in its menu", async () => {
    const { page, close } = await visit();
    const ids = told(api.paths).map(({ operationId }) => `operation-${operationId}`);
    ids.push(...Object.keys(api.webhooks).map((name) => `event-${name}`));
    for (const id of ids) {
        assert.equal(await article(page, id).count(), 1, id);
        assert.equal(await menu(page).locator(`a[href="#${id}"]`).count(), 1, id);
    }
    assert.equal(await page.locator(".operation").count(), ids.length);
    await close();
});

test("an opened operation takes less than two screens", async () => {
    for (const viewport of [WINDOWS[0], { width: 1600, height: 1000 }]) {
        const { page, close } = await visit(DOCS, { viewport });
        const heights = await page.evaluate(() => {
            const all = [...document.querySelectorAll(".operation")];
            return all.map((one) => {
                one.querySelector("details").open = true;
                const { height } = one.getBoundingClientRect();
                one.querySelector("details").open = false;
                return [one.id, height];
            });
        });
        const long = heights.filter(([, height]) => height >= 2 * viewport.height);
        assert.deepEqual(long, [], `${viewport.width} px`);
        await close();
    }
});

test("the doc_url of an error leads to its entry", async () => {
    const { doc_url } = (await (await fetch(`${product.url}/api/v1/nothing`)).json()).error;
    for (const viewport of WINDOWS) {
        const { page, close } = await visit(doc_url, { viewport });
        await page.waitForFunction(() => {
            const { top, bottom } = document.querySelector(":target").getBoundingClientRect();
            return top >= 0 && bottom <= innerHeight;
        });
        assert.equal(await article(page, "errors-route_not_found").locator("h4").innerText(), "route_not_found");
        await picture(page, `docs-error-${viewport.width}`);
        await accessible(page, "an error");
        await close();
    }
});

test("a link to an operation opens it and shows where it begins, as links of earlier releases do", async () => {
    for (const hash of ["#operation-updateTicket", "#/Tickets/updateTicket"]) {
        const { page, close } = await visit(`${DOCS}${hash}`);
        assert.ok(await isOpen(page, "operation-updateTicket"), hash);
        await page.waitForFunction(() => {
            const { top } = document.getElementById("operation-updateTicket").getBoundingClientRect();
            return top >= 0 && top < innerHeight / 2;
        });
        await close();
    }
});

test("an address that names nothing leaves the page whole", async () => {
    for (const hash of ["#%", "#nonsense"]) {
        const { page, close } = await visit(`${DOCS}${hash}`);
        await page.locator(".search input").fill("updateTicket");
        assert.ok(await page.locator(".copy").first().isVisible(), hash);
        await close();
    }
});

test("a link to a schema opens it, and a second click opens it again", async () => {
    const { page, close } = await visit(`${DOCS}#operation-createTicket`);
    const link = article(page, "operation-createTicket").locator('a[href="#schema-CreateTicketResponse"]').first();
    await link.click();
    assert.ok(await isOpen(page, "schema-CreateTicketResponse"));
    await heading(page, "schema-CreateTicketResponse").click();
    assert.ok(!(await isOpen(page, "schema-CreateTicketResponse")));
    await link.click();
    assert.ok(await isOpen(page, "schema-CreateTicketResponse"));
    await close();
});

test("an operation is found, opened and read by keyboard alone", async () => {
    const { page, close } = await visit();
    await page.keyboard.press("/");
    await page.keyboard.type("rotate");
    assert.equal(await search(page).inputValue(), "rotate");
    const shown = menu(page).locator("ul ul a:visible");
    assert.equal(await shown.count(), 1);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    assert.match(page.url(), /#operation-rotateSecret$/);
    assert.ok(await isOpen(page, "operation-rotateSecret"));
    await page.keyboard.press("/");
    await page.keyboard.press("Escape");
    assert.equal(await search(page).inputValue(), "");
    assert.ok((await shown.count()) > 20);
    await search(page).fill("no such words");
    await page.getByText("Nothing here has these words.").waitFor();
    await search(page).fill("/tickets/{ticket_id}/tags delete");
    assert.equal(await shown.count(), 1, "a path is found as well");
    await page.keyboard.press("Enter");
    assert.match(page.url(), /#operation-removeTicketTag$/);
    await close();
});

test("the language that was opened last is open everywhere", async () => {
    const { page, close } = await visit(`${DOCS}#operation-createTicket`);
    const opened = (id) => article(page, id).locator(".sample[open]").evaluateAll((all) => all.map((it) => it.dataset.language));
    assert.deepEqual(await opened("operation-createTicket"), ["curl"]);
    await article(page, "operation-createTicket").locator("summary", { hasText: "Python" }).click();
    assert.deepEqual(await opened("operation-createTicket"), ["Python"]);
    assert.deepEqual(await opened("operation-listTickets"), ["Python"]);
    await close();
});

test("code is copied", async () => {
    const { page, close } = await visit(`${DOCS}#operation-whoAmI`, { permissions: ["clipboard-read", "clipboard-write"] });
    await article(page, "operation-whoAmI").getByRole("button", { name: "Copy: curl for whoAmI" }).click();
    await page.getByText("Copied.").waitFor({ state: "attached" });
    const text = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(text, /^curl --fail-with-body "\$INBOXOPS_URL\/api\/v1\/me"/);
    await close();
});

test("the samples are told the address of this page's server", async () => {
    const { page, close } = await visit();
    assert.match(await page.locator("#samples pre").innerText(), new RegExp(`INBOXOPS_URL=${product.url}`));
    await close();
});

test("all of it can be read without JavaScript", async () => {
    const { page, close } = await visit(`${DOCS}#errors-rate_limited`, { javaScriptEnabled: false });
    assert.match(await article(page, "errors-rate_limited").innerText(), /Retry-After/);
    await heading(page, "operation-listTickets").click();
    await article(page, "operation-listTickets").getByText("In the query").waitFor();
    await picture(page, "docs-without-javascript");
    assert.equal(await search(page).count(), 0, "what needs a script is not shown");
    await close();
});
