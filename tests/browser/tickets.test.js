// The ticket desk: changes become events, and the page says which.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, button, dialog, receiver, rows, stage, until, visit, workspace } from "./ui.js";

let scene, hook;
before(async () => {
    [scene, hook] = await Promise.all([stage(), receiver()]);
});
after(async () => {
    await scene?.leave();
    await hook?.stop();
});

test("a ticket is opened, changed, tagged and noted, and each change tells what it sent", async () => {
    await scene.endpoint(hook.url, { description: "All" });
    await scene.endpoint(hook.url, { description: "Closed only", events: ["ticket.closed"] });
    const { page, close } = await visit(scene, "/tickets");
    await button(page, "New ticket").click();
    await dialog(page, "New ticket").getByLabel("Subject").fill("Lamp broken <b>on arrival</b>");
    await button(dialog(page, "New ticket"), "Create ticket").click();
    await page.getByRole("heading", { name: "Lamp broken <b>on arrival</b>", level: 1 }).waitFor();
    await page.getByText("Sent ticket.created to 1 endpoint", { exact: true }).waitFor();
    await page.getByLabel("Status").selectOption("Closed");
    await page.getByText("Sent ticket.closed to 2 endpoints", { exact: true }).waitFor();
    await page.getByLabel("Tags").fill("warehouse");
    await page.keyboard.press("Enter");
    await button(page, "Remove tag warehouse").waitFor();
    await page.getByLabel("Internal note").fill("Asked the warehouse.\nThey look.");
    await button(page, "Add note").click();
    await page.getByRole("listitem").filter({ hasText: "Asked the warehouse." }).waitFor();
    assert.equal(await page.getByText(/^Sent /).count(), 0, "a note sends nothing");
    await page.getByLabel("Assignee").selectOption({ index: 1 });
    await page.getByText(/Sent ticket\.assigned to 1 endpoint/).waitFor();
    await page.getByRole("link", { name: "View deliveries" }).click();
    await until(async () => (await rows(page).count()) >= 1, "deliveries");
    await page.goto("/tickets");
    assert.match(await page.getByRole("row", { name: /Lamp broken/ }).innerText(), /Closed/);
    await page.goto("/tickets?status=open");
    await page.getByText("No ticket matches.").waitFor();
    await page.goto("/tickets/99999");
    await page.getByText("There is no such ticket.").waitFor();
    await close();
});

test("a mail from an archive tells when it was sent, and its longest word stays in its place", async () => {
    const house = { ...scene, ...(await workspace(scene.product)) };
    const link = `https://example.com/${"track-".repeat(300)}`;
    const head = "Message-ID: <old@example.com>\nFrom: Ada <ada@example.com>\nSubject: Old parcel\nDate: Mon, 02 Jan 2023 10:00:00 +0000\n";
    await house.product.pipe(`${head}\nIt is here:\n${link}\n`, "ingest", "--tenant", house.tenant, "--inbox", house.inbox);
    for (const width of [1280, 390]) {
        const { page, close } = await visit(house, "/tickets/1", { viewport: { width, height: 800 } });
        const said = page.getByRole("listitem").filter({ hasText: "It is here" });
        assert.match(await said.innerText(), /Ada wrote Jan 2, 2023, recorded /);
        const [box, aside] = await Promise.all([said.boundingBox(), page.getByLabel("Properties").boundingBox()]);
        assert.ok(width < 1000 || box.x + box.width <= aside.x, JSON.stringify([box, aside]));
        assert.ok(await said.evaluate((it) => it.scrollWidth <= it.clientWidth));
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width);
        await close();
    }
});

test("in development a customer's message is simulated, as a new ticket and as an answer in it", async (t) => {
    const demo = await stage({ demo: true });
    t.after(demo.leave);
    const house = { ...demo, ...(await workspace(demo.product)) };
    await house.endpoint(hook.url, { description: "All" });
    const { page, close } = await visit(house, "/tickets");
    await page.getByText("No tickets yet.").waitFor();
    await button(page, "Simulate customer message").click();
    const box = dialog(page, "Simulate customer message");
    await button(box, "Send message").click();
    await box.getByText(/^The (subject|message) /).first().waitFor();
    for (const colorScheme of ["dark", "light"]) {
        await page.emulateMedia({ colorScheme });
        await accessible(page, `simulate, refused ${colorScheme}`);
    }
    await box.getByLabel("From").fill("lin@example.com");
    await box.getByLabel("Subject").fill("Where is my parcel?");
    await box.getByLabel("Message").fill("Ordered a week ago.\nStill nothing.");
    await button(box, "Send message").click();
    await page.getByRole("heading", { name: "Where is my parcel?", level: 1 }).waitFor();
    await page.getByRole("listitem").filter({ hasText: "Still nothing." }).waitFor();
    await page.getByText(/^Sent ticket\.created to 1 endpoint/).waitFor();
    await page.getByText(/^Sent message\.received to 1 endpoint/).waitFor();
    assert.match(await page.getByRole("main").innerText(), /from lin@example\.com/);
    await page.getByLabel("Status").selectOption("Solved");
    await page.getByText(/^Sent ticket\.status_changed/).waitFor();
    await button(page, "Simulate customer message").click();
    assert.equal(await box.getByLabel("From").inputValue(), "lin@example.com");
    assert.equal(await box.getByLabel("Subject").count(), 0, "it is an answer in this ticket");
    await box.getByLabel("Message").fill("It came. Thanks!");
    await button(box, "Send message").click();
    await page.getByRole("listitem").filter({ hasText: "It came. Thanks!" }).waitFor();
    await page.getByText(/^Sent message\.received to 1 endpoint/).waitFor();
    const events = () => hook.taken.map((it) => JSON.parse(it.body)).filter(({ data }) => data.ticket?.subject === "Where is my parcel?");
    await until(() => events().filter((it) => it.event === "message.received").length === 2, "two message events");
    await close();
});

test("a server that is not in development offers no simulated messages", async () => {
    const { page, close } = await visit({ ...scene, ...(await workspace(scene.product)) }, "/tickets");
    await page.getByText("No tickets yet.").waitFor();
    assert.equal(await button(page, "Simulate customer message").count(), 0);
    await close();
});
