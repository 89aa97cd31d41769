// The guides in a browser: every page passes the rules of WCAG, light and dark, wide and narrow; search, the choice of
// languages, copying and the menu work by mouse and keyboard, and without scripts the text is all there.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { picture } from "./browser.js";
import { accessible, button, stage, until, visit, watch } from "./ui.js";

let scene;
before(async () => {
    scene = await stage();
});
after(() => scene?.leave());

/** A page of the guides, of a reader who has not signed in. */
async function read(path = "/docs", { width = 1280, ...options } = {}) {
    const context = await scene.browser.newContext({ viewport: { width, height: 900 }, baseURL: scene.product.url, ...options });
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    const complaints = watch(page, scene.product.url);
    await page.goto(path);
    const close = async () => {
        await context.close();
        assert.deepEqual(complaints, []);
    };
    return { page, close };
}

const addresses = (page) => page.locator("#guides a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
const field = (page) => page.getByRole("searchbox", { name: "Search the guides" });
const found = (page) => page.locator(".found a");

for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
        test(`every guide passes the rules at ${width} px, ${colorScheme}`, async () => {
            const { page, close } = await read("/docs", { width, colorScheme });
            const all = await addresses(page);
            assert.ok(all.length > 10, all.join(" "));
            for (const address of all) {
                await page.goto(address);
                await accessible(page, `${address} ${width} ${colorScheme}`);
                const wide = await page.evaluate(() => document.documentElement.scrollWidth);
                assert.ok(wide <= width, `${address} is ${wide} px wide`);
                await picture(page, `guides-${address.slice(6) || "first"}-${width}-${colorScheme}`);
            }
            await close();
        });
    }
}

test("an address without a guide shows all guides", async () => {
    const context = await scene.browser.newContext({ baseURL: scene.product.url });
    const page = await context.newPage();
    assert.equal((await page.goto("/docs/nothing")).status(), 404);
    assert.ok((await addresses(page)).length > 10);
    await accessible(page);
    await context.close();
});

test("colours follow the system", async () => {
    const { page, close } = await read("/docs", { colorScheme: "light" });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(await ground(), "rgb(255, 255, 255)");
    await page.emulateMedia({ colorScheme: "dark" });
    assert.equal(await ground(), "rgb(18, 20, 23)");
    await close();
});

test("the search finds a part of a guide by keyboard alone and leads to it", async () => {
    const { page, close } = await read();
    await page.keyboard.press("/");
    await page.keyboard.type("idempotency-key");
    await page.locator(".found").getByText(/places?$/).waitFor();
    await accessible(page, "search");
    await picture(page, "guides-search");
    const first = found(page).first();
    assert.match(await first.innerText(), /Idempotency-Key/);
    assert.ok((await first.locator("mark").count()) > 0, "the words are marked");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/docs\/writes#/);
    const heading = page.locator(":target");
    assert.match(await heading.innerText(), /Idempotency-Key/);
    await page.waitForFunction(() => document.querySelector(":target").getBoundingClientRect().top >= 55);
    await close();
});

test("the search says when nothing is found, takes several words and closes with Escape", async () => {
    const { page, close } = await read("/docs/paging", { width: 390 });
    await field(page).fill("zebra");
    await page.getByText("Nothing has “zebra”.").waitFor();
    await field(page).fill("cursor expired");
    await found(page).first().waitFor();
    const rows = await found(page).allInnerTexts();
    assert.ok(rows.some((row) => row.includes("cursor_expired")), rows.join("\n"));
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Escape");
    await page.locator(".found").waitFor({ state: "hidden" });
    assert.ok(await field(page).evaluate((it) => it === document.activeElement));
    await close();
});

test("a chosen language holds for all examples and on the next page", async () => {
    const { page, close } = await read("/docs/clients");
    const tab = (name) => page.getByRole("tab", { name, exact: true });
    await tab("Python").first().click();
    assert.equal(await page.locator(".codes .code[data-language=ts]:visible").count(), 0);
    assert.ok((await page.locator(".codes .code[data-language=python]:visible").count()) > 3);
    await page.keyboard.press("ArrowLeft");
    assert.ok((await page.locator(".codes .code[data-language=ts]:visible").count()) > 3);
    await tab("Python").last().click();
    await page.goto("/docs/mirror");
    await page.locator(".codes .code[data-language=python]:visible").first().waitFor();
    assert.equal(await tab("Python").first().getAttribute("aria-selected"), "true");
    await accessible(page, "tabs");
    await close();
});

test("an example speaks to this server and is copied as it is shown", async () => {
    const { page, close } = await read("/docs/quick-start");
    const block = page.locator(".code").first();
    await button(block, "Copy: Shell").click();
    await block.getByText("Copied").waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(copied, `export INBOXOPS_URL=${scene.product.url}\nexport INBOXOPS_API_KEY=ixk_…\n`);
    assert.equal(copied, await block.locator("code").evaluate((it) => it.textContent));
    await close();
});

test("on a narrow screen the guides are in a menu, and the skip link leads past them", async () => {
    const { page, close } = await read("/docs/errors", { width: 390 });
    const side = page.getByRole("navigation", { name: "Guides" });
    await side.waitFor({ state: "hidden" });
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the text");
    await page.keyboard.press("Enter");
    await until(() => page.evaluate(() => document.activeElement.id === "main"), "the focus in the text");
    const menu = button(page, "Guides");
    await menu.click();
    assert.equal(await menu.getAttribute("aria-expanded"), "true");
    await side.getByRole("link", { name: "Rate limits" }).click();
    await page.waitForURL("**/docs/rate-limits");
    await picture(page, "guides-menu");
    await close();
});

test("without scripts all is there to read", async () => {
    const { page, close } = await read("/docs/clients", { width: 390, javaScriptEnabled: false });
    await page.getByRole("navigation", { name: "Guides" }).waitFor();
    assert.equal(await page.locator(".search").isVisible(), false);
    for (const language of ["ts", "python", "rust"]) {
        assert.ok(await page.locator(`.code[data-language=${language}]`).first().isVisible(), language);
    }
    await close();
});

test("the pages of the product lead to the guides and back", async () => {
    const { page, close } = await visit(scene, "/settings/api");
    await page.getByRole("link", { name: "Guides" }).click();
    await page.waitForURL("**/docs");
    await page.getByRole("navigation", { name: "Elsewhere" }).getByRole("link", { name: "Webhooks" }).click();
    await page.waitForURL("**/settings/webhooks");
    await page.getByRole("link", { name: "Guide", exact: true }).click();
    await page.waitForURL("**/docs/webhooks");
    await page.getByRole("heading", { level: 1, name: "Webhooks for receivers" }).waitFor();
    await close();
});
