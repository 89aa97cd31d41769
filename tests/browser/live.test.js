// The live log: prompt, without gaps, across disconnects, steady under a flood.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { button, receiver, rows, stage, until, visit, workspace } from "./ui.js";

/** From the receiver's answer to the row on the screen. */
const SOON_MS = 1_000;
const MEASURED = 100;
const ROUNDS = 3;

let scene, hook;
before(async () => {
    [scene, hook] = await Promise.all([stage(), receiver()]);
});
after(async () => {
    await scene?.leave();
    await hook?.stop();
});

const own = async () => ({ ...scene, ...(await workspace(scene.product)) });
const live = (page) => page.getByText("Live", { exact: true }).waitFor();
const subject = (post) => JSON.parse(post.body).data.ticket?.subject;

test(`a delivery shows in an open log within ${SOON_MS} ms of its event and so of its receiver's answer, 95 of 100 times`, async () => {
    const house = await own();
    await house.endpoint(hook.url, { events: ["ticket.created"] });
    const { page, close } = await visit(house, "/settings/deliveries");
    await live(page);
    // The page itself notes when a row that says Delivered appeared.
    await page.evaluate(() => {
        globalThis.seen = new Map();
        const look = () => {
            for (const row of document.querySelectorAll("tbody tr")) {
                const id = row.querySelector("a").pathname.split("/").at(-1);
                if (!globalThis.seen.has(id) && row.textContent.includes("Delivered")) globalThis.seen.set(id, Date.now());
            }
        };
        new MutationObserver(look).observe(document.getElementById("main"), { subtree: true, childList: true, characterData: true });
    });
    const round = async (name) => {
        const [took, sinceAsked] = [[], []];
        for (let n = 0; n < MEASURED; n++) {
            const asked = Date.now();
            const { ticket_number } = await house.ticket(`${name}.${n}`);
            const post = await until(() => hook.taken.find((it) => it.answered && subject(it) === `${name}.${n}`), `request ${ticket_number}`);
            const already = name * MEASURED + n;
            const at = await until(() => page.evaluate((count) => globalThis.seen.size > count && [...globalThis.seen.values()].at(-1), already), `row ${n}`);
            took.push(at - post.answered);
            sinceAsked.push(at - asked);
        }
        const slow = took.flatMap((ms, n) => (ms > SOON_MS / 2 ? [`${n}: ${ms}`] : []));
        took.sort((a, b) => a - b);
        const [p95, eventP95] = [took, sinceAsked.sort((a, b) => a - b)].map((it) => it[Math.floor(MEASURED * 0.95) - 1]);
        console.log(`receiver's answer to row: median ${took[MEASURED / 2]} ms, p95 ${p95} ms, worst ${took.at(-1)} ms; slow: ${slow.join(", ") || "none"}; from the call that made the event p95 ${eventP95} ms`);
        return eventP95;
    };
    // Four programs have a part in this, and each waits while a busy machine runs others: a round that it disturbed is measured again.
    const rounds = [];
    while (rounds.length < ROUNDS && !rounds.some((p95) => p95 <= SOON_MS)) rounds.push(await round(rounds.length));
    assert.ok(Math.min(...rounds) <= SOON_MS, `${rounds} ms`);
    await close();
});

test("deliveries made while the log loads are all in it", async () => {
    const house = await own();
    await house.endpoint(hook.url, { events: ["ticket.created"] });
    let going = true;
    const made = [];
    const maker = (async () => {
        while (going) made.push((await house.ticket(`During load ${made.length}`)).id);
    })();
    await until(() => made.length > 5, "tickets");
    const { page, close } = await visit(house, "/settings/deliveries");
    await live(page);
    const before = made.length;
    await until(() => made.length > before + 10, "tickets after");
    going = false;
    await maker;
    const { data } = await (await house.api("/webhooks")).json();
    const listed = (await (await house.api(`/webhooks/${data[0].id}/deliveries?per_page=100`)).json()).data.map((it) => it.id);
    const shown = () => page.locator("tbody a").evaluateAll((links) => links.map((it) => it.pathname.split("/").at(-1)));
    // The end of the list may be cut off; in what is shown there is no hole.
    const whole = (ids) => ids.length >= Math.min(listed.length, 50) && ids.every((id, i) => id === listed[i]);
    await until(async () => whole((await shown()).slice(0, listed.length)), "the same order without a gap");
    await close();
});

test("a cut line is mended by itself, and what happened meanwhile is there", async () => {
    const house = await own();
    await house.endpoint(hook.url, { events: ["ticket.created"] });
    const { page, context, complaints, close } = await visit(house, "/settings/deliveries");
    await live(page);
    await house.ticket("Before");
    await until(async () => (await rows(page).count()) === 1, "a row");
    await context.setOffline(true);
    await page.getByText(/^Offline\. Showing data from /).waitFor();
    await house.ticket("Meanwhile 1");
    await house.ticket("Meanwhile 2");
    assert.equal(await rows(page).count(), 1, "old data stays");
    await context.setOffline(false);
    await live(page);
    await until(async () => (await rows(page).count()) === 3, "three rows");
    // The browser itself reports what it could not load.
    complaints.splice(0, complaints.length, ...complaints.filter((it) => !/ERR_INTERNET_DISCONNECTED|ERR_NETWORK/.test(it)));
    await close();
});

test("an error keeps old data, says what happened, and trying again helps", async () => {
    const house = await own();
    await house.endpoint(hook.url, { description: "Kept" });
    const { page, context, complaints, close } = await visit(house);
    await page.getByText("Kept").waitFor();
    await page.route("**/ListWebhookEndpoints", (route) => route.abort());
    await page.getByRole("alert").getByText("The server cannot be reached.").waitFor({ timeout: 40_000 });
    assert.ok(await page.getByText("Kept").isVisible());
    await page.unroute("**/ListWebhookEndpoints");
    await button(page, "Try again").click();
    await page.getByRole("alert").waitFor({ state: "hidden" });
    complaints.splice(0, complaints.length, ...complaints.filter((it) => !/ERR_FAILED/.test(it)));
    await context.clearCookies();
    await close();
});

test("a row never moves under the pointer: new ones wait and are counted", async () => {
    const house = await own();
    await house.endpoint(hook.url, { events: ["ticket.created"] });
    const { page, close } = await visit(house, "/settings/deliveries");
    await live(page);
    await house.ticket("First");
    await until(async () => (await rows(page).count()) === 1, "a row");
    await rows(page).first().hover();
    const place = await rows(page).first().boundingBox();
    await house.ticket("Second");
    await house.ticket("Third");
    await button(page, "2 new deliveries").waitFor();
    assert.equal(await rows(page).count(), 1);
    assert.deepEqual(await rows(page).first().boundingBox(), place);
    // On the way to the button, however slow, nothing comes in and the button stays.
    const there = await button(page, "2 new deliveries").boundingBox();
    await page.mouse.move(there.x + there.width / 2, there.y + there.height / 2, { steps: 20 });
    await page.evaluate(() => new Promise((resolve) => setTimeout(() => requestAnimationFrame(resolve))));
    assert.equal(await rows(page).count(), 1);
    await button(page, "2 new deliveries").click();
    await until(async () => (await rows(page).count()) === 3, "three rows");
    await page.mouse.move(5, 5);
    await house.ticket("Fourth");
    await until(async () => (await rows(page).count()) === 4, "four rows");
    await button(page, "Pause updates").click();
    await house.ticket("Fifth");
    await page.getByText(/^Paused\. Showing data from /).waitFor();
    await button(page, "Go live").click();
    await until(async () => (await rows(page).count()) === 5, "five rows");
    await close();
});

test("filters are in the address, Back works, and what does not fit stays out of a live log", async () => {
    const house = await own();
    await house.endpoint(hook.url, { events: ["ticket.*"], description: "Filtered" });
    await house.ticket("One");
    const { page, close } = await visit(house, "/settings/deliveries");
    await live(page);
    await until(async () => (await rows(page).count()) === 1, "a row");
    await page.getByRole("button", { name: /^Failed/ }).click();
    await page.waitForURL("**/settings/deliveries?status=failed");
    await page.getByText("No delivery matches.").waitFor();
    await house.ticket("Two");
    await page.getByRole("button", { name: /^Delivered\s*2/ }).waitFor({ timeout: 20_000 });
    assert.equal(await rows(page).count(), 0);
    await button(page, "Clear filters").click();
    await until(async () => (await rows(page).count()) === 2, "two rows");
    await page.goBack();
    await page.waitForURL("**?status=failed");
    await page.getByText("No delivery matches.").waitFor();
    await page.goBack();
    await until(async () => (await rows(page).count()) === 2, "two rows");
    const id = (await rows(page).first().getByRole("link").getAttribute("href")).split("/").at(-1);
    await page.getByLabel("Id of a delivery or event").fill(id);
    await page.keyboard.press("Enter");
    await until(async () => (await rows(page).count()) === 1, "one row");
    await page.reload();
    await until(async () => (await rows(page).count()) === 1, "one row after a reload");
    await close();
});

test("older deliveries are read page by page, none skipped, none twice", async () => {
    const house = await own();
    await house.endpoint(hook.url, { events: ["ticket.created"] });
    for (let n = 0; n < 120; n++) await house.ticket(`Old ${n}`);
    const { page, close } = await visit(house, "/settings/deliveries");
    await until(async () => (await rows(page).count()) === 50, "50 rows");
    await button(page, "Load older").click();
    await until(async () => (await rows(page).count()) === 100, "100 rows");
    await button(page, "Load older").click();
    await until(async () => (await rows(page).count()) === 120, "120 rows");
    assert.equal(await button(page, "Load older").count(), 0);
    const links = await page.locator("tbody a").evaluateAll((all) => all.map((it) => it.href));
    assert.equal(new Set(links).size, 120);
    await close();
});

test("a tab that is not seen holds no line", async () => {
    const house = await own();
    const { page, close } = await visit(house, "/settings/deliveries");
    await live(page);
    let open = 0;
    page.on("request", (it) => it.url().endsWith("WatchDeliveries") && open++);
    const failed = page.waitForEvent("requestfailed", (it) => it.url().endsWith("WatchDeliveries"));
    await page.evaluate(() => {
        Object.defineProperty(document, "hidden", { value: true, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    });
    await failed;
    assert.equal(open, 0);
    await page.evaluate(() => {
        delete document.hidden;
        document.dispatchEvent(new Event("visibilitychange"));
    });
    await live(page);
    assert.equal(open, 1);
    await close();
});
