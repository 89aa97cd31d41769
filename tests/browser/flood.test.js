// 10,000 rows in a minute: the page stays responsive and its memory bounded. How long a task takes is counted in the time
// that the processor gave to it, by the browser's own trace: what else the machine does at that moment is not the page's.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { receiver, rows, stage, until, visit } from "./ui.js";

const EVENTS = 10_000;
const SECONDS = 60;
const ROUND_MS = 250;
const TASK_MAX_MS = 100;
const HEAP_MAX_MB = 60;
/** A trace that ends this much before its end was full. */
const TRACE_LOSS_MAX_MS = 2_000;

/** The tasks of the page's main thread in a trace: for how long each ran, in ms of the processor's time and by the clock. */
function tasks(trace) {
    const { traceEvents } = JSON.parse(trace);
    const threads = new Set(traceEvents.filter((it) => it.name === "thread_name" && it.args.name === "CrRendererMain").map(({ pid, tid }) => `${pid} ${tid}`));
    const run = traceEvents.filter((it) => it.ph === "X" && it.tdur !== undefined && threads.has(`${it.pid} ${it.tid}`));
    const times = run.map((it) => it.ts);
    const span = times.reduce((most, at) => Math.max(most, at), 0) - times.reduce((least, at) => Math.min(least, at), Infinity);
    return { count: run.length, span: span / 1_000, cpu: run.map((it) => it.tdur / 1_000), wall: run.map((it) => it.dur / 1_000) };
}
const most = (numbers) => numbers.reduce((one, other) => Math.max(one, other), 0);

let scene, hook;
before(async () => {
    [scene, hook] = await Promise.all([stage(), receiver()]);
});
after(async () => {
    await scene?.leave();
    await hook?.stop();
});

test(`${EVENTS} rows in ${SECONDS} s leave the page responsive`, async () => {
    const { id } = await scene.endpoint(hook.url, { events: ["ticket.created"] });
    const { page, context, close } = await visit(scene, "/settings/deliveries");
    await page.getByText("Live", { exact: true }).waitFor();
    await page.evaluate(() => {
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
    await scene.browser.startTracing(page, { categories: ["toplevel"] });
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
    const { data } = await (await scene.api(`/webhooks/${id}/deliveries?per_page=1`)).json();
    await page.locator(`tbody a[href$="${data[0].id}"]`).waitFor();
    const traced = Date.now() - began;
    const { count, span, cpu, wall } = tasks(await scene.browser.stopTracing());
    const heard = await page.evaluate(() => globalThis.heard.size);
    const used = await heap();
    console.log(`${sent} events in ${took.toFixed(0)} s; ${heard} rows seen; ${count} tasks, the longest ${most(cpu).toFixed(0)} ms of processor time, ${most(wall).toFixed(0)} ms by the clock; heap ${used.toFixed(1)} MB; ${await rows(page).count()} rows in the page`);
    assert.ok(span > traced - TRACE_LOSS_MAX_MS, `the trace has ${span} of ${traced} ms`);
    assert.ok(most(cpu) <= TASK_MAX_MS, `long tasks: ${cpu.filter((it) => it > TASK_MAX_MS)}`);
    assert.ok(used < HEAP_MAX_MB, `${used} MB`);
    assert.ok((await rows(page).count()) <= 200);
    await close();
});
