// Hostile markup in a browser: the cleaned result is rendered in a page without any policy and clicked, and nothing runs.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { open, page as newPage } from "./browser.js";
import { start } from "./product.js";

const VECTORS = JSON.parse(await readFile(new URL("../vectors/xss.json", import.meta.url), "utf8"));
/** Fewest of the vectors that run here when nobody cleans them: below it the test could not fail. */
const RUNNING_MIN = 40;
/** How long a page may take until what it loads is loaded or refused. */
const SETTLE_MS = 5_000;

/** Number of pages that look at the same time. */
const PAGES = 6;

let product, browser, tenant, inbox, headers;

before(async () => {
    const rate = { INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE: "100000" };
    [product, browser] = await Promise.all([start(rate), open()]);
    tenant = (await product.cli("tenant", "create", "--name", "Acme", "--plan", "business")).id;
    inbox = (await product.cli("inbox", "create", "--tenant", tenant, "--name", "Support", "--address", "help@example.com")).id;
    const key = (await product.cli("key", "create", "--tenant", tenant, "--name", "markup")).key;
    headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
});

after(async () => {
    await browser?.close();
    await product?.stop();
});

async function api(method, path, body) {
    const answer = await fetch(`${product.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    const json = await answer.json();
    assert.ok(answer.ok, `${method} ${path}: ${JSON.stringify(json)}`);
    return json;
}

/** Which of these pieces of markup run a script or ask anybody for anything. */
async function running(pieces) {
    const shares = Array.from({ length: PAGES }, (_, at) => pieces.filter((_, piece) => piece % PAGES === at));
    return (await Promise.all(shares.map(runningOf))).flat();
}

/**
 * Resolves when the document has run what it would run: all that it loads ended, and after it whatever was put off to a
 * timer, a task of animation or of loading had its turn.
 */
async function settled(most) {
    const frame = () => new Promise((resolve) => [requestAnimationFrame(resolve), setTimeout(resolve, 100)]);
    const turn = () => frame().then(frame).then(() => new Promise((resolve) => setTimeout(resolve)));
    const end = performance.now() + most;
    const loading = () =>
        document.readyState !== "complete" ||
        [...document.images].some((it) => !it.complete) ||
        [...document.querySelectorAll("video,audio")].some((it) => it.networkState === it.NETWORK_LOADING);
    do await turn();
    while (loading() && performance.now() < end);
    await turn();
}

/** The same, one after the other, each in a document of its own and poked. */
async function runningOf(pieces) {
    const { page } = await newPage(browser, product.url);
    const asked = [];
    // Nobody answers: what a page asks for is noted and refused.
    await page.route("**/*", (route) => {
        const url = route.request().url();
        if (url.endsWith("/empty")) return route.fulfill({ contentType: "text/html", body: "<!doctype html>" });
        asked.push(url);
        return route.abort();
    });
    let ran = 0;
    await page.exposeFunction("alert", () => void (ran += 1));
    page.on("dialog", (dialog) => ((ran += 1), dialog.dismiss()));
    const found = [];
    for (const piece of pieces) {
        await page.goto("/empty");
        [ran, asked.length] = [0, 0];
        // As a mail program would: parsed as a document, and put into a standing one.
        await page.evaluate((html) => {
            document.open();
            document.write(`<!doctype html><body><div>${html}</div><div id="inner"></div>`);
            document.close();
            const inner = document.getElementById("inner");
            if (inner) inner.innerHTML = html;
        }, piece);
        await page.evaluate(() => {
            const poke = (element, type) => element.dispatchEvent(new Event(type, { bubbles: true, cancelable: true }));
            for (const element of document.querySelectorAll("*")) {
                for (const type of ["mouseover", "mouseenter", "pointerenter", "blur", "focus"]) poke(element, type);
                if (element.protocol === "javascript:" || element.formAction?.startsWith("javascript:")) element.click();
            }
        });
        // A document that was led away from is gone, with what it did noted.
        await page.evaluate(settled, SETTLE_MS).catch(() => undefined);
        if (ran || asked.length) found.push(piece);
    }
    await page.context().close();
    return found;
}

test("the page that looks can see a script run", async (t) => {
    const found = await running(VECTORS);
    t.diagnostic(`${found.length} of ${VECTORS.length} run uncleaned`);
    assert.ok(found.length >= RUNNING_MIN, `${found.length} of ${VECTORS.length} run uncleaned`);
});

test("nothing runs of markup that came by a note", async () => {
    const { data: ticket } = await api("POST", "/tickets", { subject: "Markup", inbox_id: inbox });
    const kept = [];
    for (const vector of VECTORS) {
        const body_html = `<p>before</p>${vector}`;
        kept.push((await api("POST", `/tickets/${ticket.id}/messages`, { type: "internal_note", body_html })).data.body_html);
    }
    assert.equal(kept.filter((html) => html.includes("before")).length, VECTORS.length);
    assert.deepEqual(await running(kept), []);
});

test("nothing runs of markup that came by mail", async () => {
    const mail = (vector, at) => {
        const body = Buffer.from(`<p>before</p>${vector}`).toString("base64").replace(/(.{76})/g, "$1\n");
        return `From - Tue Nov 24 10:00:00 2026\nFrom: a@example.com\nSubject: ${at}\nMessage-ID: <${at}@x>
Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n${body}\n\n`;
    };
    const mbox = VECTORS.map(mail).join("");
    await product.pipe(mbox, "ingest", "--tenant", tenant, "--inbox", inbox);
    const { data: tickets, meta } = await api("GET", "/tickets?per_page=100");
    assert.equal(meta.has_more, false);
    const kept = [];
    for (const ticket of tickets.filter(({ channel }) => channel === "email")) {
        const { data: messages } = await api("GET", `/tickets/${ticket.id}/messages`);
        kept.push(...messages.map((message) => message.body_html));
    }
    assert.equal(kept.filter((html) => html.includes("before")).length, VECTORS.length);
    assert.deepEqual(await running(kept), []);
});
