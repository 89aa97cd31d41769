// The small ticket desk: what is changed there becomes events, and the page says which.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { button, dialog, receiver, rows, stage, until, visit } from "./ui.js";

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
    await button(dialog(page, "New ticket"), "Open ticket").click();
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
