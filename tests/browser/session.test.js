// Signing in and out: by link and by password, sessions that end, and what other pages cannot do.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { agent, button, dialog, receiver, stage, until, visit, watch, workspace } from "./ui.js";

let scene;
before(async () => (scene = await stage()));
after(() => scene?.leave());

test("a login link works once, its code leaves the address bar, and the cookie is out of reach", async () => {
    const { page, context, close } = await visit(scene);
    assert.equal(new URL(page.url()).hash, "");
    await page.getByRole("heading", { name: "Webhooks", level: 1 }).waitFor();
    const [cookie] = await context.cookies();
    assert.deepEqual([cookie.name, cookie.httpOnly, cookie.sameSite, cookie.path], ["inboxops_session", true, "Strict", "/"]);
    assert.equal(await page.evaluate(() => document.cookie), "");
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    assert.ok(!kept.includes(cookie.value));
    await close();
});

test("a link that was used says so, and the form is there", async () => {
    const { login_url } = await scene.product.cli("agent", "login-link", scene.admin.id);
    const { pathname, hash } = new URL(login_url);
    const first = await scene.browser.newPage({ baseURL: scene.product.url });
    await first.goto(pathname + hash);
    await first.getByRole("navigation", { name: "Main" }).waitFor();
    const second = await scene.browser.newPage({ baseURL: scene.product.url });
    await second.goto(pathname + hash);
    assert.match(await second.getByRole("alert").innerText(), /already used/);
    await second.getByLabel("Email address").waitFor();
    await first.context().close();
    await second.context().close();
});

test("a password is set, asked for, and a wrong one gets one answer", async () => {
    const person = await agent(scene.product, scene.tenant, "lin@example.com", "admin");
    const { page, close } = await visit(scene, "/settings/webhooks", { as: person });
    await page.getByRole("button", { name: /^Account of/ }).click();
    await page.getByRole("menuitem", { name: "Set a password…" }).click();
    await dialog(page, "Set a password").getByLabel("New password").fill("short");
    await button(dialog(page, "Set a password"), "Set password").click();
    const field = page.getByLabel("New password");
    // The hint under it names the 12 characters from the start, so the refusal is seen by the field alone.
    await page.locator("input[aria-invalid='true']:focus").waitFor();
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    assert.ok(await field.evaluate((it) => it === document.activeElement), "the wrong field has the focus");
    await field.fill("correct horse battery");
    await button(dialog(page, "Set a password"), "Set password").click();
    await dialog(page, "Set a password").waitFor({ state: "hidden" });
    await page.getByRole("button", { name: /^Account of/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.waitForURL("**/login");
    await page.getByLabel("Email address").fill("lin@example.com");
    await page.getByLabel("Password").fill("wrong horse battery");
    await button(page, "Sign in").click();
    assert.equal(await page.getByRole("alert").innerText(), "Wrong email address or password.");
    await page.getByLabel("Password").fill("correct horse battery");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Webhooks", level: 1 }).waitFor();
    await close();
});

test("whoever is not signed in is led to the form and back to where they wanted to go", async () => {
    const { page, context, close } = await visit(scene);
    await context.clearCookies();
    await page.goto("/settings/api");
    await page.waitForURL("**/login?next=%2Fsettings%2Fapi");
    await close();
});

test("a session that ends while a page is open leads to the form, with the place kept", async () => {
    const { page, context, close } = await visit(scene, "/settings/deliveries?status=failed");
    await page.getByText("Live", { exact: true }).waitFor();
    await context.clearCookies();
    await page.getByRole("link", { name: "API", exact: true }).click();
    await page.waitForURL("**/login?next=%2Fsettings%2Fapi&ended=1");
    await page.getByText("Your session has ended.", { exact: false }).waitFor();
    await close();
});

test("a session that ends on the server takes an open log to the form by itself, cookie or not", async () => {
    const person = await agent(scene.product, scene.tenant, "eve@example.com", "admin");
    const { page, context, close } = await visit(scene, "/settings/deliveries", { as: person });
    await page.getByText("Live", { exact: true }).waitFor();
    const other = await visit(scene, "/tickets", { as: person });
    await other.page.getByRole("button", { name: /^Account of/ }).click();
    await other.page.getByRole("menuitem", { name: "Set a password…" }).click();
    await other.page.getByLabel("New password").fill("correct horse battery");
    await button(other.page, "Set password").click();
    await other.page.getByText("Your other sessions have ended.", { exact: false }).waitFor();
    await page.waitForURL("**/login?next=%2Fsettings%2Fdeliveries&ended=1", { timeout: 20_000 });
    assert.equal((await context.cookies()).length, 1, "the cookie is there yet, and worth nothing");
    await other.close();
    await close();
});

test("`next` leads nowhere else", async () => {
    for (const next of ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]) {
        const { login_url } = await scene.product.cli("agent", "login-link", scene.admin.id);
        const page = await scene.browser.newPage({ baseURL: scene.product.url });
        await page.goto(`/login?next=${encodeURIComponent(next)}${new URL(login_url).hash}`);
        await page.getByRole("navigation", { name: "Main" }).waitFor();
        assert.equal(new URL(page.url()).pathname, "/settings/webhooks", next);
        await page.context().close();
    }
});

test("an agent sees webhooks but changes nothing, and is told whom to ask for keys", async () => {
    const person = await agent(scene.product, scene.tenant, "ada@example.com", "agent");
    const { page, close } = await visit(scene, "/settings/webhooks", { as: person });
    await page.getByText("No endpoints yet.").waitFor();
    assert.equal(await page.getByRole("button", { name: "Add endpoint" }).count(), 0);
    await page.getByRole("link", { name: "API", exact: true }).click();
    await page.getByText("Only administrators can see this").waitFor();
    await page.goto("/settings/webhooks/new");
    await page.getByText("Only administrators can see this").waitFor();
    assert.equal(await page.getByLabel("URL").count(), 0);
    await close();
});

test("the plan gates webhooks: the screen stays and says what is kept", async () => {
    const house = await workspace(scene.product, "starter");
    const { page, close } = await visit({ ...scene, ...house });
    await page.getByRole("heading", { name: "Webhooks are not in your plan." }).waitFor();
    const text = await page.getByRole("main").innerText();
    assert.match(text, /Your plan: Starter\. Needed: Business or higher\./);
    assert.doesNotMatch(text, /Existing endpoints/, "there are none");
    await scene.product.cli("tenant", "set-plan", "--tenant", house.tenant, "--plan", "business");
    await page.reload();
    await page.getByText("No endpoints yet.").waitFor();
    await close();
});

test("a smaller plan keeps endpoints and deliveries to be read, and offers nothing that changes them", async (t) => {
    const house = await workspace(scene.product);
    const hook = await receiver();
    t.after(hook.stop);
    const { id } = await house.endpoint(hook.url, { description: "Kept" });
    await house.ticket("Before");
    await until(() => hook.taken.length, "a request");
    await scene.product.cli("tenant", "set-plan", "--tenant", house.tenant, "--plan", "starter");
    const { page, close } = await visit({ ...scene, ...house });
    const gate = page.getByRole("heading", { name: "Webhooks are not in your plan." });
    const row = page.getByRole("row", { name: /Kept/ });
    assert.match(await row.innerText(), /Not in your plan/);
    await gate.waitFor();
    await page.getByText("Existing endpoints are kept but paused: nothing is sent.").waitFor();
    const changes = /^(Actions for .*|Add endpoint|Send test event|Rotate secret…|Replace at once…|Recover missed events…|Resend.*|Retry now|Stop retrying|Save|Delete.*)$/;
    const offers = () => page.getByRole("main").getByRole("button", { name: changes }).allInnerTexts();
    assert.deepEqual(await offers(), []);
    await row.getByRole("link", { name: "Kept" }).click();
    await page.getByText("Median", { exact: false }).first().waitFor();
    await gate.waitFor();
    assert.equal(await button(page, "Pause endpoint").count(), 0);
    assert.deepEqual(await offers(), []);
    for (const tab of ["Deliveries", "Settings"]) {
        await page.getByRole("navigation", { name: "Endpoint" }).getByRole("link", { name: tab }).click();
        await gate.waitFor();
        assert.deepEqual(await offers(), [], tab);
    }
    await page.goto("/settings/webhooks/new");
    await gate.waitFor();
    assert.equal(await page.getByLabel("URL").count(), 0);
    await page.goto("/settings/deliveries");
    await page.getByText("Live", { exact: true }).waitFor();
    await gate.waitFor();
    await page.getByRole("row", { name: /Delivered/ }).getByRole("link").click();
    await page.getByText("Attempt 1 · 200 OK", { exact: false }).waitFor();
    await page.getByText("No more attempts").waitFor();
    assert.deepEqual(await offers(), []);
    await close();
});

test("a page of another origin makes the signed-in browser do nothing", async () => {
    const { page, context, close } = await visit(scene);
    await page.getByText("No endpoints yet.").waitFor();
    const evil = createServer((_, response) => response.setHeader("content-type", "text/html").end("<!doctype html><title>x</title>"));
    await new Promise((resolve) => evil.listen(0, "127.0.0.1", resolve));
    const other = await context.newPage();
    // Another port of the same host is the same site: the cookie is sent, SameSite or not.
    await other.goto(`http://127.0.0.1:${evil.address().port}/`);
    const target = `${scene.product.url}/inboxops.admin.v1.SessionService/Logout`;
    const attempts = {
        plain: { mode: "no-cors", body: new Uint8Array(5) },
        text: { mode: "no-cors", body: "x", headers: { "content-type": "text/plain" } },
        grpc: { body: new Uint8Array(5), headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" } },
    };
    for (const [name, init] of Object.entries(attempts)) {
        const answers = [];
        other.on("response", (response) => response.url() === target && answers.push([response.request().method(), response.status()]));
        const read = await other.evaluate(
            async ([url, more]) => {
                try {
                    const body = typeof more.body === "string" ? more.body : new Uint8Array(5);
                    return (await fetch(url, { method: "POST", credentials: "include", ...more, body })).status;
                } catch {
                    return "refused";
                }
            },
            [target, init],
        );
        assert.ok(read === "refused" || read === 0, `${name}: ${read}`);
        for (const [method, status] of answers) assert.ok(status >= 400, `${name}: ${method} ${status}`);
    }
    const form = await other.evaluate((url) => {
        const it = document.createElement("form");
        it.method = "post";
        it.enctype = "text/plain";
        it.action = url;
        document.body.append(it);
        it.submit();
        return new Promise((resolve) => setTimeout(() => resolve("sent"), 0));
    }, target);
    assert.equal(form, "sent");
    await other.waitForURL(target);
    evil.close();
    await page.reload();
    await page.getByRole("heading", { name: "Webhooks", level: 1 }).waitFor();
    await close();
});

test("the pages cannot be framed, and carry the policy", async () => {
    const response = await fetch(`${scene.product.url}/settings/webhooks`);
    const policy = response.headers.get("content-security-policy");
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) {
        assert.ok(policy.includes(part), part);
    }
    assert.ok(!policy.includes("unsafe"), policy);
    const page = await scene.browser.newPage();
    const complaints = watch(page, scene.product.url);
    await page.goto(scene.product.url);
    await page.waitForURL("**/login?next=**");
    assert.deepEqual(complaints, []);
    await page.context().close();
});
