// The time until a screen is usable, and the bytes of the first load.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { stage, visit } from "./ui.js";

const FIRST_LOAD_MAX_BYTES = 82_000;
const USABLE_MS = 300;
const TIMES = 9;

let scene;
before(async () => (scene = await stage()));
after(() => scene?.leave());

test(`the first load takes at most ${FIRST_LOAD_MAX_BYTES} bytes, and asks for each file once`, async () => {
    const { page, context, close } = await visit(scene);
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    const kinds = new Map();
    const unknown = new Set();
    let bytes = 0;
    session.on("Network.responseReceived", ({ requestId, type, response }) => {
        // Calls are no part of the load, whatever kind the browser takes their streams for.
        if (type === "Fetch" || new URL(response.url).pathname.startsWith("/inboxops.")) return;
        kinds.set(requestId, response.url);
        const length = Number(response.headers["content-length"]);
        if (length >= 0) bytes += length;
        else unknown.add(requestId);
    });
    session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
        if (unknown.has(requestId)) bytes += encodedDataLength;
    });
    await page.reload();
    await page.getByText("No endpoints yet.").waitFor();
    const files = [...kinds.values()].map((it) => new URL(it).pathname);
    assert.equal(new Set(files).size, files.length, files.join(" "));
    console.log(`first load: ${bytes} bytes, ${files.join(" ")}`);
    assert.ok(bytes <= FIRST_LOAD_MAX_BYTES, `${bytes} bytes`);
    await close();
});

test(`a screen can be used within ${USABLE_MS} ms on this machine`, async () => {
    const { page, close } = await visit(scene);
    const took = [];
    for (let n = 0; n < TIMES; n++) {
        await page.reload();
        took.push(
            await page.evaluate(
                () =>
                    new Promise((resolve) => {
                        const look = () => {
                            const there = [...document.querySelectorAll("main button")].some((it) => it.textContent === "Add endpoint");
                            there ? resolve(performance.now()) : requestAnimationFrame(look);
                        };
                        look();
                    }),
            ),
        );
    }
    took.sort((a, b) => a - b);
    console.log(`usable after ${took.map((it) => Math.round(it)).join(", ")} ms`);
    // The best of them is what the page takes; the others measure what else the machine did at that time.
    assert.ok(took[0] <= USABLE_MS, `${took} ms`);
    await close();
});
