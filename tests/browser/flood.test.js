// 10,000 rows in a minute: the page stays responsive and its memory bounded.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { receiver, rows, stage, until, visit } from "./ui.js";

const EVENTS = 10_000;
const SECONDS = 60;
const ROUND_MS = 250;
const TASK_MAX_MS = 100;
const HEAP_MAX_MB = 60;

let scene, hook;
before(async () => {
    [scene, hook] = await Promise.all([stage(), receiver()]);
});
after(async () => {
    await scene?.leave();
    await hook?.stop();
});

test(`${EVENTS} rows in ${SECONDS} s leave the page responsive`, async () => {
    await scene.endpoint(hook.url, { events: ["ticket.created"] });
    const { page, context, close } = await visit(scene, "/settings/deliveries");
    await page.getByText("Live", { exact: true }).waitFor();
    await page.evaluate(() => {
        globalThis.long = [];
        new PerformanceObserver((list) => globalThis.long.push(...list.getEntries().map((it) => Math.round(it.duration)))).observe({ type: "longtask" });
        globalThis.heard = new Set();
        // Looks at new rows alone, so that the looking costs the page little.
        new MutationObserver((changes) => {
            for (const { addedNodes } of changes) for (const node of addedNodes) if (node.tagName === "TR") globalThis.heard.add(node.querySelector("a").pathname);
        }).observe(document.getElementById("main"), { childList: true, subtree: true });
    });
    const session = await context.newCDPSession(page);
    await session.send("Performance.enable");
    const heap = async () => {
        await session.send("HeapProfiler.collectGarbage");
        const { metrics } = await session.send("Performance.getMetrics");
        return metrics.find((it) => it.name === "JSHeapUsedSize").value / 2 ** 20;
    };
    const began = Date.now();
    let sent = 0;
    while (sent < EVENTS) {
        const due = Math.min(EVENTS, Math.ceil(((Date.now() - began + ROUND_MS) / 1_000 / SECONDS) * EVENTS));
        await Promise.all(Array.from({ length: due - sent }, (_, i) => scene.ticket(`Flood ${sent + i}`)));
        sent = due;
        const rest = began + (sent / EVENTS) * SECONDS * 1_000 - Date.now();
        if (rest > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(rest, ROUND_MS)));
    }
    const took = (Date.now() - began) / 1_000;
    await until(() => hook.taken.length >= EVENTS, "all requests");
    await page.waitForTimeout(500);
    const { long, heard } = await page.evaluate(() => ({ long: globalThis.long, heard: globalThis.heard.size }));
    const used = await heap();
    console.log(`${sent} events in ${took.toFixed(0)} s; ${heard} rows seen; longest task ${Math.max(0, ...long)} ms, ${long.length} over 50 ms; heap ${used.toFixed(1)} MB; ${await rows(page).count()} rows in the page`);
    assert.ok(Math.max(0, ...long) <= TASK_MAX_MS, `long tasks: ${long}`);
    assert.ok(used < HEAP_MAX_MB, `${used} MB`);
    assert.ok((await rows(page).count()) <= 200);
    await close();
});
