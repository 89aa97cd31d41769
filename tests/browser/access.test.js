// Accessibility: every screen and dialog, light and dark, in small windows, and the main tasks by keyboard.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { picture } from "./browser.js";
import { accessible, agent, button, dialog, receiver, rows, stage, until, visit, workspace } from "./ui.js";

let scene, hook, sick, ids;
before(async () => {
    [scene, hook, sick] = await Promise.all([stage(), receiver(), receiver(() => ({ status: 503, body: "down" }))]);
    ids = {
        well: (await scene.endpoint(hook.url, { description: "CRM sync" })).id,
        sick: (await scene.endpoint(sick.url, { description: "Warehouse", events: ["ticket.created", "ticket.closed"] })).id,
    };
    ids.ticket = (await scene.ticket("Lamp broken on arrival")).ticket_number;
    const listed = () => scene.api(`/webhooks/${ids.sick}/deliveries`).then((it) => it.json());
    ids.delivery = (await until(async () => (await listed()).data.find((it) => it.attempt_count > 0), "a failed attempt")).id;
});
after(async () => {
    await scene?.leave();
    await Promise.all([hook?.stop(), sick?.stop()]);
});

const screens = () => ({
    webhooks: "/settings/webhooks",
    "webhooks-new": "/settings/webhooks/new",
    endpoint: `/settings/webhooks/${ids.sick}`,
    "endpoint-deliveries": `/settings/webhooks/${ids.sick}/deliveries`,
    "endpoint-settings": `/settings/webhooks/${ids.sick}/settings`,
    deliveries: "/settings/deliveries",
    "deliveries-none": "/settings/deliveries?status=canceled",
    delivery: `/deliveries/${ids.delivery}`,
    api: "/settings/api",
    tickets: "/tickets",
    ticket: `/tickets/${ids.ticket}`,
    missing: "/settings/nothing",
});
const ready = async (page) => {
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForFunction(() => !document.querySelector(".skeleton"));
};

for (const colorScheme of ["light", "dark"]) {
    test(`every screen passes the rules, ${colorScheme}`, async () => {
        const { page, context, close } = await visit(scene, "/settings/webhooks", { colorScheme });
        for (const [name, path] of Object.entries(screens())) {
            await page.goto(path);
            await ready(page);
            await accessible(page, `${name} ${colorScheme}`);
            await picture(page, `ui-${name}-1280-${colorScheme}`, { fullPage: true });
        }
        await context.clearCookies();
        await page.goto("/login");
        await page.getByLabel("Password").waitFor();
        await accessible(page, `login ${colorScheme}`);
        await picture(page, `ui-login-1280-${colorScheme}`);
        await close();
    });

    test(`every dialog passes the rules, ${colorScheme}`, async () => {
        const { page, close } = await visit(scene, "/settings/webhooks", { colorScheme });
        const check = async (name) => {
            await page.getByRole("dialog").waitFor();
            await page.waitForFunction(() => !document.querySelector("dialog .skeleton"));
            await accessible(page, `dialog ${name} ${colorScheme}`);
            await picture(page, `ui-dialog-${name}-1280-${colorScheme}`);
        };
        const menu = async (of, item) => {
            await button(page, `Actions for ${of}`).first().click();
            if (item === "Delete…") await accessible(page, `menu ${colorScheme}`);
            await page.getByRole("menuitem", { name: item }).click();
        };
        const escape = async () => {
            await page.keyboard.press("Escape");
            await page.getByRole("dialog").waitFor({ state: "hidden" });
        };
        await menu("CRM sync", "Send test event");
        await dialog(page, "Send a test event").getByRole("button", { name: "Send test event" }).click();
        await dialog(page, "Send a test event").getByText(/200 OK/).waitFor();
        await check("test-event");
        await escape();
        await menu("CRM sync", "Delete…");
        await check("delete");
        await escape();
        await page.goto("/settings/webhooks/new");
        await page.getByLabel("URL").fill(hook.url);
        await page.getByLabel("Description").fill("Short lived");
        await page.getByRole("link", { name: "Tickets" }).click();
        await check("unsaved");
        await button(page, "Keep editing").click();
        await button(page, "Add endpoint").click();
        await check("secret");
        await button(page, "Close anyway").click();
        await page.getByRole("heading", { name: "Short lived" }).waitFor();
        await button(page, "Rotate secret…").click();
        await check("rotate");
        await button(page, "Make new secret").click();
        await button(page, "Close anyway").click();
        await button(page, "Promote new secret").click();
        await button(page, "Replace at once…").click();
        await check("replace");
        await escape();
        await button(page, "Recover missed events…").click();
        await check("recover");
        await escape();
        await page.goto("/settings/webhooks");
        await menu("Short lived", "Delete…");
        await dialog(page, "Delete this endpoint?").getByRole("textbox").fill(new URL(hook.url).host);
        await button(page, "Delete endpoint").click();
        await page.getByRole("row", { name: /Short lived/ }).waitFor({ state: "hidden" });
        await page.goto("/settings/deliveries");
        await button(page, "Resend failed…").click();
        await check("resend");
        await escape();
        await page.goto("/settings/api");
        for (const [item, name] of [["Edit…", "edit-key"], ["Rotate…", "rotate-key"], ["Revoke…", "revoke"]]) {
            await menu("test", item);
            await check(name);
            await escape();
        }
        await button(page, "Create key").click();
        await page.getByRole("radio", { name: "Custom" }).check();
        await check("create-key");
        await button(dialog(page, "Create key"), "Create key").click();
        await page.getByText("Choose at least one scope.").waitFor();
        await check("create-key-refused");
        await page.getByRole("radio", { name: /^Everything/ }).check();
        await dialog(page, "Create key").getByLabel("Name").fill(`Key ${colorScheme}`);
        await button(dialog(page, "Create key"), "Create key").click();
        await dialog(page, "Copy your API key").waitFor();
        await check("key");
        await button(page, "Close anyway").click();
        await page.goto("/tickets");
        await button(page, "New ticket").click();
        await check("new-ticket");
        await escape();
        await page.getByRole("button", { name: /^Account of/ }).click();
        await accessible(page, `account ${colorScheme}`);
        await page.getByRole("menuitemradio", { name: "System theme", checked: true }).waitFor();
        await page.getByRole("menuitem", { name: "Set a password…" }).click();
        await check("password");
        await close();
    });

    test(`the dialogs of a changed password and of a plan without the API pass the rules, ${colorScheme}`, async () => {
        const person = await agent(scene.product, scene.tenant, `${colorScheme}@example.com`, "admin");
        const own = await visit(scene, "/tickets", { colorScheme, as: person });
        const account = () => own.page.getByRole("button", { name: /^Account of/ }).click();
        await account();
        await own.page.getByRole("menuitem", { name: "Set a password…" }).click();
        await own.page.getByLabel("New password").fill("correct horse battery");
        await button(own.page, "Set password").click();
        await own.page.getByRole("dialog").waitFor({ state: "hidden" });
        await account();
        await own.page.getByRole("menuitem", { name: "Change password…" }).click();
        await dialog(own.page, "Change password").waitFor();
        await accessible(own.page, `change password ${colorScheme}`);
        await own.close();
        const house = await workspace(scene.product, "starter");
        const { page, close } = await visit({ ...scene, ...house }, "/settings/api", { colorScheme });
        await button(page, "Create key").click();
        await dialog(page, "Create key").getByLabel("Name").fill("x");
        await button(dialog(page, "Create key"), "Create key").click();
        await page.getByText("The API is not in your plan.").waitFor();
        await accessible(page, `gated key ${colorScheme}`);
        await close();
    });
}

for (const width of [320, 390]) {
    test(`no screen is wider than a window of ${width} px`, async () => {
        const colorScheme = width === 390 ? "dark" : "light";
        const { page, close } = await visit(scene, "/settings/webhooks", { viewport: { width, height: 800 }, colorScheme });
        for (const [name, path] of Object.entries(screens())) {
            await page.goto(path);
            await ready(page);
            const wide = await page.evaluate(() => document.documentElement.scrollWidth);
            assert.ok(wide <= width, `${name}: ${wide} px`);
            if (width === 390) await accessible(page, `${name} ${width}`);
            await picture(page, `ui-${name}-${width}-${colorScheme}`, { fullPage: true });
        }
        await close();
    });
}

test("gated screens and targets hold the rules", async () => {
    const house = await workspace(scene.product, "starter");
    const { page, close } = await visit({ ...scene, ...house });
    await page.getByRole("heading", { name: "Webhooks are not in your plan." }).waitFor();
    await accessible(page, "gated");
    await picture(page, "ui-gated-1280-light");
    await close();
    const kept = await workspace(scene.product);
    const { id } = await kept.endpoint(hook.url, { description: "Kept" });
    await kept.ticket("Before the plan got smaller");
    await scene.product.cli("tenant", "set-plan", "--tenant", kept.tenant, "--plan", "starter");
    const reader = await visit({ ...scene, ...kept }, "/settings/webhooks", { viewport: { width: 390, height: 800 } });
    for (const path of ["/settings/webhooks", `/settings/webhooks/${id}`, "/settings/deliveries"]) {
        await reader.page.goto(path);
        await ready(reader.page);
        await reader.page.getByRole("heading", { name: "Webhooks are not in your plan." }).waitFor();
        await accessible(reader.page, `kept ${path}`);
        assert.ok((await reader.page.evaluate(() => document.documentElement.scrollWidth)) <= 390, path);
    }
    await reader.close();
});

test("a new screen takes the focus to its heading and says its title; the skip link leads to the content", async () => {
    const { page, close } = await visit(scene);
    await page.reload();
    await ready(page);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    await page.getByRole("link", { name: "API", exact: true }).click();
    await until(() => page.evaluate(() => document.activeElement.tagName === "H1" && document.activeElement.textContent === "API"), "focus on the heading");
    assert.equal(await page.title(), "API · InboxOps");
    await page.goBack();
    await until(() => page.evaluate(() => document.activeElement.textContent === "Webhooks"), "focus on the heading");
    assert.equal(await page.title(), "Webhooks · InboxOps");
    await close();
});

test("keys alone: add an endpoint, store its secret, test it, read its delivery, delete it", async () => {
    const house = await workspace(scene.product);
    const { page, close } = await visit({ ...scene, ...house });
    await page.getByText("No endpoints yet.").waitFor();
    const focused = () => page.evaluate(() => (document.activeElement.getAttribute("aria-label") ?? document.activeElement.innerText ?? "").trim());
    /** Tabs until what is named has the focus. */
    const reach = async (name, key = "Tab") => {
        for (let n = 0; n < 60; n++) {
            if ((await focused()) === name) return;
            await page.keyboard.press(key);
        }
        assert.fail(`${name} is not reached; the focus is on ${await focused()}`);
    };
    await reach("Add endpoint");
    await page.keyboard.press("Enter");
    await page.getByLabel("URL").waitFor();
    await page.getByLabel("URL").evaluate((it) => it.isConnected);
    for (let n = 0; n < 20 && !(await page.getByLabel("URL").evaluate((it) => it === document.activeElement)); n++) await page.keyboard.press("Tab");
    await page.keyboard.type(hook.url);
    await page.keyboard.press("Enter");
    await dialog(page, "Copy your signing secret").waitFor();
    await reach("Copy");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    await reach("Done");
    await page.keyboard.press("Enter");
    await reach("Send test event");
    await page.keyboard.press("Enter");
    const box = dialog(page, "Send a test event");
    await box.waitFor();
    await page.waitForFunction(() => !document.querySelector("dialog .skeleton"));
    await reach("Send test event");
    await page.keyboard.press("Enter");
    await box.getByText(/^200 OK in/).waitFor();
    await reach("View delivery", "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "ticket.created", level: 1 }).waitFor();
    await reach("Webhooks");
    await page.keyboard.press("Enter");
    await until(async () => (await rows(page).count()) === 1, "the endpoint");
    await reach(`Actions for ${new URL(hook.url).host}`);
    await page.keyboard.press("Enter");
    await until(async () => (await focused()) === "Send test event", "focus in the menu");
    await page.keyboard.press("ArrowUp");
    assert.equal(await focused(), "Delete…");
    await page.keyboard.press("Enter");
    await dialog(page, "Delete this endpoint?").waitFor();
    await page.keyboard.type(new URL(hook.url).host);
    await page.keyboard.press("Enter");
    await page.getByText("No endpoints yet.").waitFor();
    await close();
});
