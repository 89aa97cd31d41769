// Pictures of every screen and dialog, wide and narrow, light and dark, to look at: `tests/browser/run --look FOLDER`.
// A sheet has four narrow ones side by side. WIDTHS and SCHEMES (comma-separated) and ONLY (a pattern) narrow it down.

import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SCREENS } from "./look_screens.js";
import { agent, receiver, stage, until, visit, workspace } from "./ui.js";

const FOLDER = process.argv[2];
const WIDTHS = (process.env.WIDTHS ?? "1280,390").split(",").map(Number);
const SCHEMES = (process.env.SCHEMES ?? "light,dark").split(",");
const ONLY = new RegExp(process.env.ONLY ?? "");
const HEIGHTS = { 1280: 800, 390: 780 };
const SHEET = 4;
const SETTLE_MS = 10_000;

assert.ok(FOLDER, "name a folder to put the pictures in");
await mkdir(FOLDER, { recursive: true });

/** A workspace with endpoints and deliveries of every kind. */
async function populate(scene, hooks) {
    const well = await scene.endpoint(hooks.well.url, { description: "CRM sync" });
    const sick = await scene.endpoint(hooks.sick.url, { description: "Warehouse", events: ["ticket.created", "ticket.closed"] });
    const gone = await scene.endpoint(hooks.gone.url, { description: "Old till", events: ["ticket.created"] });
    const cut = await scene.endpoint(hooks.cut.url, { events: ["ticket.created"], headers: [{ name: "X-Team", value: "blue" }], rate_per_second: 20 });
    for (const subject of ["Refund for order 1042", "Lamp broken on arrival", "Where is my parcel?", "Change of address"]) await scene.ticket(subject);
    const of = async (endpoint, fits) =>
        until(async () => (await (await scene.api(`/webhooks/${endpoint.id}/deliveries`)).json()).data.find(fits), `a delivery of ${endpoint.description}`);
    const delivered = await of(well, (it) => it.status === "delivered");
    const retrying = await of(sick, (it) => it.attempt_count > 0);
    const failed = await of(gone, (it) => it.attempt_count > 0);
    const refused = await of(cut, (it) => it.attempt_count > 0);
    return { well, sick, gone, cut, delivered, retrying, failed, refused };
}

const scene = await stage({ demo: true });
const hooks = {
    well: await receiver(),
    sick: await receiver(() => ({ status: 503, body: '{"error":"database is down","trace":"0b6c7f1e2d"}', headers: { "content-type": "application/json" } })),
    gone: await receiver(() => ({ status: 410, body: "gone" })),
    cut: await receiver(),
    fresh: await receiver(),
};
await hooks.cut.stop();
try {
    const places = {};
    for (const [name, plan] of Object.entries({ full: "business", again: "business", empty: "business", kept: "business", starter: "starter" })) places[name] = await workspace(scene.product, plan);
    const made = await populate(places.full, hooks);
    made.kept = await places.kept.endpoint(hooks.well.url, { description: "CRM sync" });
    await places.kept.ticket("Before the plan got smaller");
    await until(async () => (await (await places.kept.api(`/webhooks/${made.kept.id}/deliveries`)).json()).data[0]?.status === "delivered", "a delivery");
    await scene.product.cli("tenant", "set-plan", "--tenant", places.kept.tenant, "--plan", "starter");
    const ada = await agent(scene.product, places.full.tenant, "ada@example.com", "agent");
    for (const width of WIDTHS) {
        for (const colorScheme of SCHEMES) {
            const sheet = [];
            for (const [name, { at, who = "full", act, whole }] of Object.entries(SCREENS)) {
                if (!ONLY.test(name)) continue;
                const house = { ...scene, ...places[who === "agent" ? "full" : who] };
                const options = { viewport: { width, height: HEIGHTS[width] ?? 800 }, colorScheme, ...(who === "agent" && { as: ada }) };
                const { page, context } = await visit(house, "/settings/webhooks", options);
                try {
                    await page.getByRole("heading", { level: 1 }).waitFor();
                    if (at) await page.goto(at(made));
                    if (act) await act(page, { made, house, hooks, context, product: scene.product });
                    if (!name.includes("loading")) await page.waitForFunction(() => !document.querySelector(".skeleton"), undefined, { timeout: SETTLE_MS });
                    const path = join(FOLDER, `${name}-${width}-${colorScheme}.png`);
                    await page.screenshot({ path, fullPage: !!whole, animations: "disabled" });
                    sheet.push([name, path]);
                } catch (error) {
                    console.error(`${name} ${width} ${colorScheme}: ${error.message.split("\n").slice(0, 3).join(" ")}`);
                    await page.screenshot({ path: join(FOLDER, `broken-${name}-${width}-${colorScheme}.png`) });
                }
                await context.close();
            }
            if (width < 500) await sheets(sheet, `${width}-${colorScheme}`);
        }
    }
} finally {
    await scene.leave();
    await Promise.all(Object.values(hooks).map((it) => it.stop()));
}

/** Puts narrow pictures side by side. */
async function sheets(pictures, name) {
    const page = await scene.browser.newPage({ viewport: { width: SHEET * 400 + 20, height: 820 } });
    for (let n = 0; n < pictures.length; n += SHEET) {
        const parts = await Promise.all(
            pictures.slice(n, n + SHEET).map(async ([title, path]) => `<figure><figcaption>${title}</figcaption><img src="data:image/png;base64,${(await readFile(path)).toString("base64")}"></figure>`),
        );
        await page.setContent(`<style>body{display:flex;gap:10px;margin:5px;font:14px sans-serif;background:#888;align-items:start}figure{margin:0}img{width:390px;display:block}</style>${parts.join("")}`);
        await writeFile(join(FOLDER, `sheet-${name}-${String(n / SHEET + 1).padStart(2, "0")}.png`), await page.screenshot({ fullPage: true }));
    }
    await page.close();
}
