// Endpoints in the browser: add, test, fail, find out why, resend, rotate, change, delete.

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { accessible, addEndpoint, button, dialog, receiver, stage, until, visit, workspace } from "./ui.js";

let scene, hook;
before(async () => {
    [scene, hook] = await Promise.all([stage(), receiver()]);
});
after(async () => {
    await scene?.leave();
    await hook?.stop();
});

const main = (page) => page.getByRole("main");
const heading = (page, name) => page.getByRole("heading", { name, level: 1 });
const own = async () => ({ ...scene, ...(await workspace(scene.product)) });

test("an endpoint is added, and its secret shows once", async () => {
    const { page, close } = await visit(await own());
    await button(page, "Add endpoint").click();
    await page.getByLabel("URL").fill("ftp://example.com/x");
    await page.getByRole("radio", { name: "Only these" }).check();
    await page.getByText("Advanced: headers, rate and size").click();
    await button(page, "Add header").click();
    await page.getByLabel("Name of header 1").fill("bad name");
    await page.getByLabel("Value of header 1").fill("x");
    await button(page, "Add endpoint").click();
    const url = page.getByLabel("URL");
    await page.locator("input[aria-invalid='true']:focus").waitFor();
    assert.ok(await url.evaluate((it) => it === document.activeElement));
    for (const error of ["The URL must begin with https://.", "Choose at least one event.", "The name must be a token of HTTP"]) {
        await page.getByText(error, { exact: false }).waitFor();
    }
    await button(page, "Remove header 1").click();
    await url.fill("http://10.0.0.1/hook");
    await button(page, "Add endpoint").click();
    await page.getByText("The URL must lead to a public address", { exact: false }).waitFor();
    await url.fill(hook.url);
    await page.getByLabel("Description").fill("CRM sync");
    await page.getByRole("radio", { name: "Only these" }).check();
    await page.getByRole("checkbox", { name: "Tickets" }).check();
    await page.getByRole("checkbox", { name: "ticket.closed" }).uncheck();
    await button(page, "Add endpoint").click();
    const shown = dialog(page, "Copy your signing secret");
    const secret = await shown.locator("[data-secret]").innerText();
    assert.match(secret, /^whsec_[A-Za-z0-9+/]{32}$/);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    assert.ok(await shown.isVisible(), "Escape takes no secret away");
    await button(shown, "Copy").click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
    assert.ok(await button(shown, "Done").isDisabled());
    await shown.getByLabel("I have stored this secret").check();
    await button(shown, "Done").click();
    await heading(page, "CRM sync").waitFor();
    assert.ok(!(await page.content()).includes(secret), "gone from the page");
    assert.match(await main(page).innerText(), new RegExp(`whsec_…${secret.slice(-4).replace(/[+/]/g, "\\$&")}`));
    await page.goBack();
    await page.goForward();
    assert.ok(!(await page.content()).includes(secret), "and not to be had by going back");
    await page.getByRole("link", { name: "Settings", exact: true }).click();
    await page.getByRole("checkbox", { name: "Messages" }).check();
    await button(page, "Save").click();
    await page.getByText("Saved. New events use these settings.").waitFor();
    await page.goto("/settings/webhooks");
    const row = page.getByRole("row", { name: /CRM sync/ });
    assert.match(await row.innerText(), /All message events \+ 4/);
    assert.match(await row.innerText(), /Enabled/);
    await close();
});

test("an endpoint that is behind says so, and by how much", async () => {
    const own = await stage({ settings: { INBOXOPS_WEBHOOKS__BEHIND_AFTER_SECONDS: "1" } });
    try {
        const { id } = await own.endpoint(hook.url, { description: "Ledger", events: ["ticket.created"], rate_per_second: 1 });
        for (let n = 0; n < 20; n++) await own.ticket(`Order ${n}`);
        const behind = async () => (await (await own.api(`/webhooks/${id}`)).json()).data.backlog.behind_seconds >= 1;
        await until(behind, "an endpoint that is behind");
        const { page, close } = await visit(own);
        const badge = "Behind, about 1 min";
        await page.getByRole("row", { name: /Ledger/ }).getByText(badge).filter({ visible: true }).waitFor();
        await page.goto(`/settings/webhooks/${id}`);
        await page.getByText(badge).waitFor();
        const facts = await page.locator("dl.facts").innerText();
        assert.match(facts, /Waiting\s+\d+, the oldest (just now|\d+ s ago)/i);
        await accessible(page);
        await close();
    } finally {
        await own.leave();
    }
});

test("nobody is trapped by a secret", async () => {
    const { page, close } = await visit(await own(), "/settings/webhooks/new");
    await page.getByLabel("URL").fill(hook.url);
    await button(page, "Add endpoint").click();
    await button(dialog(page, "Copy your signing secret"), "Close anyway").click();
    await heading(page, "127.0.0.1").or(heading(page, new URL(hook.url).host)).waitFor();
    await close();
});

test("a test event shows what is sent and what came back", async () => {
    const house = await own();
    const { id } = await house.endpoint(hook.url, { description: "Till" });
    const { page, close } = await visit(house, `/settings/webhooks/${id}`);
    await button(page, "Send test event").click();
    const box = dialog(page, "Send a test event");
    await box.getByLabel("Event").selectOption("message.received");
    await box.getByRole("region", { name: "Body that is sent" }).getByText('"message.received"').waitFor();
    await button(box, "Send test event").click();
    await box.getByText(/^200 OK in (<\s1|[\d,]+)\sms$/).waitFor();
    assert.equal(JSON.parse(hook.taken.at(-1).body).event, "message.received");
    assert.equal(JSON.parse(hook.taken.at(-1).body).data.test, true);
    hook.answer = () => ({ status: 418, body: "teapot" });
    await button(box, "Send again").click();
    await box.getByText(/^418 in (<\s1|\d+)\sms$/).waitFor();
    hook.answer = () => ({ status: 200 });
    await box.getByRole("link", { name: "View delivery" }).click();
    await heading(page, "message.received").waitFor();
    await close();
});

test("a failing endpoint: the log says why, the receiver is mended, a resend arrives", async () => {
    const house = await own();
    let broken = true;
    const sick = await receiver(() => (broken ? { status: 503, body: "database is down" } : { status: 200, body: "thanks" }));
    const headers = [{ name: "Authorization", value: "Basic aW5ib3hvcHM=" }];
    await house.endpoint(sick.url, { description: "Warehouse", events: ["ticket.created"], headers });
    await house.ticket("Lamp broken");
    const { page, close } = await visit(house, "/settings/deliveries");
    const row = page.getByRole("row", { name: /Retrying.*ticket\.created/ });
    await row.waitFor();
    assert.match(await row.innerText(), /503/);
    assert.match(await row.innerText(), /1 of \d+/);
    await row.getByRole("link").click();
    await heading(page, "ticket.created").waitFor();
    const attempt = page.getByRole("listitem").filter({ hasText: "Attempt 1" });
    assert.match(await attempt.innerText(), /503 Service Unavailable\s· (<\s1|[\d,]+)\sms/);
    await page.getByRole("region", { name: "Response body of attempt 1" }).getByText("database is down").waitFor();
    const sent = await page.getByRole("region", { name: "Request headers of attempt 1" }).innerText();
    assert.match(sent, /webhook-id: /);
    assert.match(sent, /authorization: \*\*\*/, "what the workspace keeps secret is masked");
    await page.getByText(/^Next attempt in /).waitFor();
    assert.match(await page.getByRole("region", { name: "Payload JSON" }).innerText(), /"subject": "Lamp broken"/);
    broken = false;
    await button(page, "Retry now").click();
    await page.getByText("No more attempts").waitFor();
    await page.getByText("Attempt 2 · 200 OK").waitFor();
    assert.equal(sick.taken.length, 2);
    assert.deepEqual(sick.taken[0].body, sick.taken[1].body, "the same bytes again");
    assert.equal(sick.taken[0].headers["webhook-id"], sick.taken[1].headers["webhook-id"]);
    await button(page, "Resend").click();
    await page.getByText("Attempt 3 · 200 OK").waitFor();
    await button(page, "Raw").click();
    assert.equal(await page.getByRole("region", { name: "Payload JSON" }).innerText(), sick.taken[0].body.toString());
    const download = page.waitForEvent("download");
    await button(page, "Download").click();
    assert.match((await download).suggestedFilename(), /\.json$/);
    await sick.stop();
    await close();
});

test("a delivery that retries can be stopped, and many that failed are sent again, counted first", async () => {
    const house = await own();
    const sick = await receiver(() => ({ status: 500 }));
    await house.endpoint(sick.url, { description: "Sick", events: ["ticket.created"] });
    for (const n of [1, 2, 3]) await house.ticket(`Ticket ${n}`);
    const { page, close } = await visit(house, "/settings/deliveries?status=retrying");
    for (let n = 0; n < 3; n++) {
        await page.goto("/settings/deliveries?status=retrying");
        await page.locator("tbody").getByRole("link").first().click();
        await button(page, "Stop retrying").click();
        await page.getByText("Canceled").first().waitFor();
    }
    sick.answer = () => ({ status: 200 });
    await page.goto("/settings/deliveries");
    await button(page, "Resend failed…").click();
    const box = dialog(page, "Resend failed deliveries?");
    await box.getByText(/3 deliveries failed or were canceled/).waitFor();
    for (const colorScheme of ["dark", "light"]) {
        await page.emulateMedia({ colorScheme });
        await accessible(page, `resend ${colorScheme}`);
    }
    await button(box, "Resend 3").click();
    await dialog(page, "Resending").getByText(/3 of 3 deliveries scheduled/).waitFor();
    for (const colorScheme of ["dark", "light"]) {
        await page.emulateMedia({ colorScheme });
        await accessible(page, `resending ${colorScheme}`);
    }
    await button(dialog(page, "Resending"), "Done").click();
    await until(() => sick.taken.filter((it) => it.answered).length === 6, "six requests");
    await until(async () => (await page.getByRole("row", { name: /Delivered/ }).count()) === 3, "three delivered rows");
    await sick.stop();
    await close();
});

test("a secret is rotated in steps, each said in words, and promoted", async () => {
    const house = await own();
    const { id, secret: old } = await house.endpoint(hook.url, { description: "Rotor" });
    const { page, close } = await visit(house, `/settings/webhooks/${id}`);
    await button(page, "Rotate secret…").click();
    await button(dialog(page, "Rotate the signing secret?"), "Make new secret").click();
    const shown = dialog(page, "Copy your new signing secret");
    const next = await shown.locator("[data-secret]").innerText();
    assert.notEqual(next, old);
    await shown.getByLabel("I have stored this secret").check();
    await button(shown, "Done").click();
    const steps = page.getByRole("region", { name: "Signing secret" });
    assert.match(await steps.innerText(), /promoted automatically in (23 h|1 d)/);
    await button(steps, "Rotate secret…").click();
    const again = dialog(page, "Rotate the signing secret?");
    await again.getByText("Replaces the new secret that is not promoted yet.", { exact: false }).waitFor();
    await button(again, "Cancel").click();
    await button(steps, "Promote new secret").click();
    await steps.getByText("New secret promoted.").waitFor();
    assert.match(await steps.innerText(), /The old secret ends in (23 h|1 d)/);
    await page.getByText(`whsec_…${next.slice(-4)}`).first().waitFor();
    await button(steps, "Replace at once…").click();
    const ask = dialog(page, "Replace the signing secret at once?");
    assert.equal(await ask.getByRole("radio").count(), 0, "one change in steps at a time");
    await button(ask, "Make new secret").click();
    await shown.getByText("Requests are signed with this one only from now on.", { exact: false }).waitFor();
    const last = await shown.locator("[data-secret]").innerText();
    await button(shown, "Close anyway").click();
    await steps.getByText(`Requests are signed with whsec_…${last.slice(-4)}.`).waitFor();
    assert.ok(!(await page.content()).includes(next) && !(await page.content()).includes(last));
    await close();
});

test("settings change what is sent; leaving with unsaved changes asks", async () => {
    const house = await own();
    const target = await receiver();
    const { id } = await house.endpoint(target.url, { description: "Old name" });
    const { page, close } = await visit(house, `/settings/webhooks/${id}`);
    await page.getByRole("link", { name: "Settings", exact: true }).click();
    await page.getByLabel("Description").fill("New name");
    await page.getByRole("link", { name: "Deliveries" }).first().click();
    await button(dialog(page, "Leave without saving?"), "Keep editing").click();
    await page.goBack();
    await button(dialog(page, "Leave without saving?"), "Keep editing").click();
    assert.equal(await page.getByLabel("Description").inputValue(), "New name");
    assert.match(page.url(), /\/settings$/);
    await page.getByText("Advanced: headers, rate and size").click();
    await button(page, "Add header").click();
    await page.getByLabel("Name of header 1").fill("X-Team");
    await page.getByLabel("Value of header 1").fill("blue");
    await page.getByLabel("Small bodies").check();
    await button(page, "Save").click();
    await heading(page, "New name").waitFor();
    await page.getByText("Stored values are never shown again.").waitFor();
    assert.ok(!(await page.content()).includes("blue"));
    await house.ticket("With header");
    await until(() => target.taken.length > 0, "a request");
    assert.equal(target.taken[0].headers["x-team"], "blue");
    assert.deepEqual(Object.keys(JSON.parse(target.taken[0].body).data.ticket), ["id", "ticket_number", "version", "url"]);
    await target.stop();
    await close();
});

test("changes that are discarded are made nowhere", async () => {
    const house = await own();
    const { id } = await house.endpoint(hook.url, { description: "Old name" });
    const { page, close } = await visit(house, `/settings/webhooks/${id}/settings`);
    await page.getByLabel("Description").fill("New name");
    await page.getByRole("link", { name: "Webhooks" }).first().click();
    await button(dialog(page, "Leave without saving?"), "Discard changes").click();
    await heading(page, "Webhooks").waitFor();
    await button(page, "Add endpoint").click();
    await page.getByLabel("URL").fill(hook.url);
    await page.getByLabel("Description").fill("Never meant");
    await page.getByRole("link", { name: "Tickets" }).click();
    await button(dialog(page, "Leave without saving?"), "Discard changes").click();
    await heading(page, "Tickets").waitFor();
    // What would come of it is seen only once the server has answered: these calls come behind it.
    await page.getByRole("link", { name: "Webhooks" }).first().click();
    await page.getByRole("row", { name: /Old name/ }).waitFor();
    const { data } = await (await house.api("/webhooks")).json();
    assert.deepEqual(data.map((it) => it.description), ["Old name"]);
    await close();
});

test("an endpoint is paused, resumed, and deleted by typing its host", async () => {
    const house = await own();
    await house.endpoint(hook.url, { description: "Short lived" });
    const { page, close } = await visit(house);
    const menu = async (item) => {
        await button(page, "Actions for Short lived").click();
        await page.getByRole("menuitem", { name: item }).click();
    };
    await menu("Pause");
    await page.getByRole("row", { name: /Paused by you/ }).waitFor();
    await menu("Resume");
    await page.getByRole("row", { name: /Enabled/ }).waitFor();
    await menu("Delete…");
    const box = dialog(page, "Delete this endpoint?");
    assert.ok(await button(box, "Delete endpoint").isDisabled());
    await box.getByRole("textbox").fill(new URL(hook.url).host);
    await button(box, "Delete endpoint").click();
    await page.getByText("No endpoints yet.").waitFor();
    await close();
});

test("an endpoint that is gone is shown as disabled, with the reason, and can be enabled", async () => {
    const house = await own();
    const gone = await receiver(() => ({ status: 410 }));
    await house.endpoint(gone.url, { description: "Gone" });
    await house.ticket("Last one");
    const { page, close } = await visit(house);
    await page.getByRole("row", { name: /Disabled after failures/ }).waitFor({ timeout: 25_000 });
    const banner = page.getByRole("alert");
    assert.match(await banner.innerText(), /Gone was disabled\..*410/s);
    await button(banner, "Enable").click();
    await page.getByRole("row", { name: /Enabled|Failing/ }).waitFor();
    await gone.stop();
    await close();
});

test("the menu of a row opens beside its button, on a page that is scrolled too", async () => {
    const house = await own();
    for (let n = 1; n <= 12; n++) await house.endpoint(hook.url, { description: `Till ${n}` });
    const { page, close } = await visit(house, "/settings/webhooks", { viewport: { width: 390, height: 500 } });
    const last = page.getByRole("row").last();
    await last.scrollIntoViewIfNeeded();
    assert.ok((await page.evaluate(() => scrollY)) > 300);
    const opener = last.getByRole("button", { name: /^Actions for/ });
    await opener.click();
    const shown = page.getByRole("menu");
    const [of, at] = [await opener.boundingBox(), await shown.boundingBox()];
    const gap = at.y > of.y ? at.y - of.y - of.height : of.y - at.y - at.height;
    assert.ok(gap >= 0 && gap < 12, `${gap} px between the button and its menu`);
    await page.getByRole("menuitem", { name: "Pause" }).click();
    await page.getByText("is paused. Nothing is sent to it.", { exact: false }).waitFor();
    await close();
});

test("missed events are counted and recovered", async () => {
    const house = await own();
    const target = await receiver();
    const { id } = await house.endpoint(target.url, { description: "Slept", events: ["ticket.created"] });
    const { page, close } = await visit(house, `/settings/webhooks/${id}`);
    await button(page, "Pause endpoint").click();
    await button(page, "Resume endpoint").waitFor();
    await house.ticket("While asleep");
    await house.ticket("Still asleep");
    await button(page, "Resume endpoint").click();
    await button(page, "Pause endpoint").waitFor();
    await button(page, "Recover missed events…").click();
    const box = dialog(page, "Recover missed events");
    await box.getByText(/2 events were never delivered/).waitFor();
    await button(box, "Send 2 events").click();
    await page.getByText("Done: 2 of 2 deliveries made.").waitFor();
    await until(() => target.taken.length === 2, "two requests");
    await target.stop();
    await close();
});

test("the snippets verify a real signature and refuse a false one", async () => {
    const house = await own();
    const target = await receiver();
    const { page, close } = await visit(house);
    const secret = await addEndpoint(page, target.url, "Snippets");
    await house.ticket("Signed: ünïcödé");
    const { headers, body } = await until(() => target.taken.at(-1), "a request");
    const folder = await mkdtemp(join(tmpdir(), "snippets-"));
    const shown = async (language) => {
        await button(page, language).click();
        await button(page, `Copy: Code in ${language} that verifies a signature`).click();
        return page.evaluate(() => navigator.clipboard.readText());
    };
    const given = JSON.stringify({ secret, headers, body: body.toString("base64") });
    await writeFile(join(folder, "given.json"), given);
    await writeFile(join(folder, "body.json"), body);
    const spoilt = JSON.stringify({ secret, headers, body: Buffer.concat([body, Buffer.from(" ")]).toString("base64") });
    await writeFile(join(folder, "spoilt.json"), spoilt);
    const run = (command, ...words) => promisify(execFile)(command, words, { cwd: folder });
    const has = (command) => spawnSync(command, ["--version"]).error === undefined;

    await writeFile(join(folder, "verify.mjs"), await shown("Node"));
    await writeFile(
        join(folder, "node.mjs"),
        `import { readFileSync } from "node:fs"; import { verify, why } from "./verify.mjs";
         const it = JSON.parse(readFileSync(process.argv[2])), given = [it.secret, it.headers, Buffer.from(it.body, "base64")];
         console.log(verify(...given), why(...given));`,
    );
    const NO_FIT = "No signature fits: another secret, or not the bytes that came.";
    assert.equal((await run("node", "node.mjs", "given.json")).stdout, "true null\n");
    assert.equal((await run("node", "node.mjs", "spoilt.json")).stdout, `false ${NO_FIT}\n`);

    const python = await shown("Python");
    if (has("python3")) {
        await writeFile(join(folder, "verify.py"), python);
        await writeFile(
            join(folder, "run.py"),
            `import base64, json, sys\nfrom verify import verify, why\nit = json.load(open(sys.argv[1]))\ngiven = it["secret"], it["headers"], base64.b64decode(it["body"])\nprint(verify(*given), why(*given))\n`,
        );
        assert.equal((await run("python3", "run.py", "given.json")).stdout, "True None\n");
        assert.equal((await run("python3", "run.py", "spoilt.json")).stdout, `False ${NO_FIT}\n`);
    }
    const openssl = await shown("OpenSSL");
    if (has("openssl")) {
        await writeFile(join(folder, "verify.sh"), openssl);
        const env = { ...process.env, SECRET: secret, ID: headers["webhook-id"], TIMESTAMP: headers["webhook-timestamp"] };
        const { stdout } = await promisify(execFile)("sh", ["verify.sh"], { cwd: folder, env });
        assert.ok(headers["webhook-signature"].split(" ").includes(stdout.trim()), stdout);
    }
    const go = await shown("Go");
    if (has("go")) {
        await writeFile(join(folder, "verify.go"), go);
        await writeFile(join(folder, "go.mod"), "module hooks\n\ngo 1.21\n");
        await writeFile(
            join(folder, "verify_test.go"),
            `package hooks\nimport ("encoding/json"; "net/http"; "os"; "testing")\nfunc check(t *testing.T, path string) string {\n\tvar it struct { Secret string; Headers map[string]string; Body []byte }\n\tdata, _ := os.ReadFile(path)\n\tif err := json.Unmarshal(data, &it); err != nil { t.Fatal(err) }\n\theader := http.Header{}\n\tfor name, value := range it.Headers { header.Set(name, value) }\n\treturn Why([]string{it.Secret}, header, it.Body)\n}\nfunc TestVerify(t *testing.T) {\n\tif why := check(t, "given.json"); why != "" { t.Fatal(why) }\n\tif check(t, "spoilt.json") == "" { t.Fatal("taken") }\n}\n`,
        );
        await run("go", "test", "./...");
    }
    await rm(folder, { recursive: true });
    await target.stop();
    await close();
});
