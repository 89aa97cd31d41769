// Makes the pictures of docs/ui.md from the running product: `tests/browser/run --pictures`.

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { button, dialog, receiver, stage, until, visit } from "./ui.js";

const FOLDER = fileURLToPath(new URL("../../docs/pictures/", import.meta.url));
const SUBJECTS = ["Refund for order 1042", "Lamp broken on arrival", "Where is my parcel?", "Invoice 2291", "Change of address", "Thanks!"];

const scene = await stage();
const [well, sick] = await Promise.all([receiver(), receiver(() => ({ status: 503, body: "database is down" }))]);
try {
    await mkdir(FOLDER, { recursive: true });
    const crm = await scene.endpoint(well.url, { description: "CRM sync", events: ["ticket.*"] });
    const warehouse = await scene.endpoint(sick.url, { description: "Warehouse", events: ["ticket.created", "ticket.closed"] });
    for (const subject of SUBJECTS) await scene.ticket(subject);
    const failed = await until(async () => {
        const { data } = await (await scene.api(`/webhooks/${warehouse.id}/deliveries`)).json();
        return data.length === SUBJECTS.length && data.every((it) => it.attempt_count > 0) && data[0];
    }, "failed attempts");
    for (const colorScheme of ["light", "dark"]) {
        const { page, context } = await visit(scene, "/settings/webhooks", { viewport: { width: 1280, height: 760 }, colorScheme });
        const shoot = async (name, size) => {
            if (size) await page.setViewportSize(size);
            await page.waitForFunction(() => !document.querySelector(".skeleton"));
            await page.screenshot({ path: `${FOLDER}${name}.png`, animations: "disabled" });
        };
        await page.getByText("Warehouse").waitFor();
        if (colorScheme === "light") {
            await shoot("webhooks");
            await page.goto(`/settings/webhooks/${crm.id}`);
            await page.getByText("Median", { exact: false }).first().waitFor();
            await shoot("endpoint");
            await button(page, "Send test event").click();
            const box = dialog(page, "Send a test event");
            await button(box, "Send test event").click();
            await box.getByText(/^200 OK/).waitFor();
            await shoot("test-event");
            await page.goto("/settings/webhooks/new");
            await page.getByLabel("URL").fill(well.url);
            await button(page, "Add endpoint").click();
            await dialog(page, "Copy your signing secret").waitFor();
            await shoot("secret");
            await button(page, "Close anyway").click();
            await page.goto("/settings/deliveries");
            await page.mouse.move(0, 0);
            await page.getByText("Live", { exact: true }).waitFor();
            await page.getByText("Retrying").first().waitFor();
            await shoot("deliveries");
            await page.goto("/settings/api");
            await page.getByRole("cell", { name: "Everything" }).waitFor();
            await shoot("api");
        } else {
            await page.goto(`/deliveries/${failed.id}`);
            await page.getByText("database is down").waitFor();
            await shoot("delivery", { width: 1280, height: 900 });
            await page.goto("/settings/deliveries");
            await page.getByText("Live", { exact: true }).waitFor();
            await page.getByText("Retrying").first().waitFor();
            await shoot("deliveries-narrow", { width: 390, height: 720 });
        }
        await context.close();
    }
} finally {
    await scene.leave();
    await Promise.all([well.stop(), sick.stop()]);
}
