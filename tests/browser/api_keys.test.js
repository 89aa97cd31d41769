// API keys in the browser: created, shown once, used, edited, rotated, revoked.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { button, dialog, stage, visit, workspace } from "./ui.js";

let scene;
before(async () => (scene = await stage()));
after(() => scene?.leave());

const menu = async (page, name, item) => {
    await button(page, `Actions for ${name}`).first().click();
    await page.getByRole("menuitem", { name: item }).click();
};
const me = async (key) => (await fetch(`${scene.product.url}/api/v1/me`, { headers: { authorization: `Bearer ${key}` } })).status;

test("a key is made, shows once with a line that works, is renamed, rotated, and revoked at once", async () => {
    const { page, close } = await visit(scene, "/settings/api");
    await button(page, "Create key").click();
    const form = dialog(page, "Create key");
    await button(form, "Create key").click();
    await form.getByText(/^The name (is|must) /).waitFor();
    assert.equal(await form.getByLabel("Name").getAttribute("aria-invalid"), "true");
    await form.getByLabel("Name").fill("Nightly export");
    await form.getByRole("radio", { name: /^Read only/ }).check();
    await form.getByLabel(/^Requests a minute/).fill("many");
    await form.getByLabel("Expires").selectOption("In 30 days");
    await button(form, "Create key").click();
    await form.getByText(/^The number must be from 1 to 1000000/).waitFor();
    await form.getByLabel(/^Requests a minute/).fill("20");
    await button(form, "Create key").click();
    const shown = dialog(page, "Copy your API key");
    const key = await shown.locator("[data-secret]").innerText();
    assert.match(key, /^ixk_/);
    await button(shown, "Copy: Try it").click();
    const line = await page.evaluate(() => navigator.clipboard.readText());
    const { stdout } = await promisify(execFile)("sh", ["-c", line]);
    assert.equal(JSON.parse(stdout).data.key.name, "Nightly export");
    assert.equal(JSON.parse(stdout).data.key.limit.requests, 20);
    await shown.getByLabel("I have stored this key").check();
    await button(shown, "Done").click();
    assert.ok(!(await page.content()).includes(key));
    const row = page.getByRole("row", { name: /Nightly export/ });
    assert.match(await row.innerText(), /Read only · 20 a minute/);

    await menu(page, "Nightly export", "Edit…");
    const edit = dialog(page, "Edit key");
    await edit.getByLabel("Name").fill("Weekly export");
    assert.equal(await edit.getByLabel(/^Requests a minute/).inputValue(), "20");
    await edit.getByLabel(/^Requests a minute/).fill("");
    await button(edit, "Save").click();
    const changed = page.getByRole("row", { name: /Weekly export/ });
    await changed.waitFor();
    assert.doesNotMatch(await changed.innerText(), /· 20 a minute/);

    await menu(page, "Weekly export", "Rotate…");
    await button(dialog(page, "Rotate “Weekly export”?"), "Make new key").click();
    const next = await shown.locator("[data-secret]").innerText();
    assert.notEqual(next, key);
    await button(shown, "Close anyway").click();
    assert.deepEqual([await me(key), await me(next)], [200, 200], "the old key works through its grace");
    const old = page.getByRole("row", { name: /replaced/ });
    assert.match(await old.innerText(), /in (23 h|1 d)/);

    const fresh = page.getByRole("row", { name: /Weekly export/ }).filter({ hasNotText: "replaced" });
    await button(fresh, "Actions for Weekly export").click();
    await page.getByRole("menuitem", { name: "Revoke…" }).click();
    const ask = dialog(page, "Revoke “Weekly export”?");
    await ask.getByText("Calls with this key fail at once.", { exact: false }).waitFor();
    await button(ask, "Revoke key").click();
    await ask.waitFor({ state: "hidden" });
    assert.equal(await me(next), 401);
    await close();
});

test("a key without a name and without a scope of its own choice is refused for both", async () => {
    const { page, close } = await visit({ ...scene, ...(await workspace(scene.product)) }, "/settings/api");
    await button(page, "Create key").click();
    const box = dialog(page, "Create key");
    await box.getByRole("radio", { name: "Custom" }).check();
    await button(box, "Create key").click();
    await box.getByText("The name must not be blank.").waitFor();
    await box.getByText("Choose at least one scope.").waitFor();
    await box.locator("input[aria-invalid='true']:focus").waitFor();
    await box.getByLabel("Name").fill("Nightly export");
    await button(box, "Create key").click();
    await box.getByRole("radio", { name: "Custom" }).and(box.locator(":focus")).waitFor();
    await box.getByLabel("tickets:read").check();
    await button(box, "Create key").click();
    await dialog(page, "Copy your API key").waitFor();
    await close();
});

test("without the API in the plan a key is not made, and the plan is named", async () => {
    const house = await workspace(scene.product, "business");
    await scene.product.cli("tenant", "set-plan", "--tenant", house.tenant, "--plan", "starter");
    const { page, close } = await visit({ ...scene, ...house }, "/settings/api");
    await button(page, "Create key").click();
    await dialog(page, "Create key").getByLabel("Name").fill("x");
    await button(dialog(page, "Create key"), "Create key").click();
    await page.getByText("The API is not in your plan.").waitFor();
    assert.match(await dialog(page, "Create key").innerText(), /Your plan: Starter/);
    await close();
});
