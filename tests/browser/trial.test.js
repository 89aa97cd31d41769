// A newcomer's first five minutes, guided by the screens alone: the printed link, an endpoint, the shown code on a real
// request, a receiver that fails in two ways, the reason, and the event sent again.

import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { open } from "./browser.js";
import { start } from "./product.js";
import { button, dialog, until, watch } from "./ui.js";

/** What a person may take; a program that reads nothing has to be far below. */
const MAY_TAKE_MS = 300_000;
const PYTHON = spawnSync("python3", ["--version"]).error === undefined;

/** A receiver as a newcomer writes one; it keeps the last request, and with an argument it fails. */
const RECEIVER = `
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        json.dump({"headers": dict(self.headers.items()), "body": body.decode()}, open("last.json", "w"))
        self.send_response(500 if len(sys.argv) > 2 else 200)
        self.end_headers()
        self.wfile.write(b"KeyError: order_id" if len(sys.argv) > 2 else b"thanks")

server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Hook)
print("ready", flush=True)
server.serve_forever()
`;

const freePort = () =>
    new Promise((resolve) => {
        const server = createServer().listen(0, "127.0.0.1", () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });

test("a newcomer adds an endpoint, verifies with the shown code, breaks it, finds out why, mends it and resends", { skip: !PYTHON && "no python3" }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "trial-"));
    const [product, browser, port] = await Promise.all([start({}, { demo: true }), open(), freePort()]);
    let receiver;
    const stop = async () => {
        if (!receiver) return;
        const ended = new Promise((resolve) => receiver.once("close", resolve));
        receiver.kill();
        await ended;
        receiver = undefined;
    };
    const receive = async (...how) => {
        await stop();
        receiver = spawn("python3", ["receiver.py", String(port), ...how], { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
        await new Promise((resolve) => receiver.stdout.once("data", resolve));
    };
    t.after(async () => {
        await stop();
        await browser.close();
        await product.stop();
        await rm(folder, { recursive: true });
    });
    await writeFile(join(folder, "receiver.py"), RECEIVER);
    await receive();
    const run = (command, ...words) => promisify(execFile)(command, words, { cwd: folder });
    const began = Date.now();

    // The console prints a link.
    const [link] = await product.line(/http:\/\/\S+\/login#code=\S+/);
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const page = await context.newPage();
    const complaints = watch(page, product.url);
    const pasted = () => page.evaluate(() => navigator.clipboard.readText());
    await page.goto(link);

    await button(page, "Add endpoint").click();
    await page.getByText("This server also takes addresses of its own machine, over http.", { exact: false }).waitFor();
    await page.getByLabel("URL").fill(`localhost:${port}/hook`);
    await button(page, "Add endpoint").click();
    await page.getByText("The URL must be a whole URL, such as https://example.com/hook.").waitFor();
    await page.getByLabel("URL").fill(`http://localhost:${port}/hook`);
    await page.getByLabel("Description").fill("My receiver");
    await button(page, "Add endpoint").click();
    await button(page, "Copy").click();
    const secret = await pasted();
    await page.getByLabel("I have stored this secret").check();
    await button(page, "Done").click();

    await page.getByRole("heading", { name: "My receiver" }).waitFor();
    await button(page, "Send test event").click();
    const box = dialog(page, "Send a test event");
    await button(box, "Send test event").click();
    await box.getByText("200 OK", { exact: false }).waitFor();
    await button(box, "Close").click();

    // The code as it stands, on the request that came.
    await button(page, "Python").click();
    await button(page, "Copy: Code in Python that verifies a signature").click();
    await writeFile(join(folder, "verify.py"), await pasted());
    await writeFile(
        join(folder, "check.py"),
        `import json, sys\nfrom verify import verify, why\nit = json.load(open("last.json"))\nasked = sys.argv[1], it["headers"], it["body"].encode()\nassert verify(*asked) == (why(*asked) is None)\nsys.exit(why(*asked))\n`,
    );
    await button(page, "Node").click();
    await button(page, "Copy: Code in Node that verifies a signature").click();
    await writeFile(join(folder, "verify.mjs"), await pasted());
    await writeFile(
        join(folder, "check.mjs"),
        `import { readFileSync } from "node:fs"; import { verify, why } from "./verify.mjs";
         const it = JSON.parse(readFileSync("last.json")), asked = [process.argv[2], it.headers, Buffer.from(it.body)];
         if (!verify(...asked)) throw new Error(why(...asked));`,
    );
    const verified = () => Promise.all([run("python3", "check.py", secret), run("node", "check.mjs", secret)]);
    await verified();
    await assert.rejects(run("python3", "check.py", "whsec_AAAA"), /No signature fits: another secret/);
    await assert.rejects(run("node", "check.mjs", "whsec_AAAA"), /No signature fits: another secret/);

    // It breaks: an error, then nothing at all.
    await receive("broken");
    await page.getByRole("link", { name: "Tickets" }).click();
    await button(page, "New ticket").click();
    await dialog(page, "New ticket").getByLabel("Subject").fill("My first ticket");
    await button(page, "Create ticket").click();
    await page.getByText("Sent ticket.created to 2 endpoints").waitFor();
    await page.getByRole("link", { name: "View deliveries" }).click();
    await page.getByRole("row", { name: /Retrying.*My receiver.*500/ }).getByRole("link").click();
    await page.getByText("The receiver failed to process the request (status 500).").waitFor();
    await page.getByRole("region", { name: "Response body of attempt 1" }).getByText("KeyError: order_id").waitFor();
    await stop();
    await button(page, "Retry now").click();
    await page.getByText(/^Attempt 2 · Connection refused/).waitFor();
    await page.getByText("The receiver refused the connection or cannot be reached.").waitFor();
    await page.getByRole("link", { name: "Webhooks", exact: true }).click();
    await page.getByRole("row", { name: /My receiver.*Failing/ }).waitFor();
    await page.goBack();

    // It is mended, and the same event goes out again.
    await receive();
    await button(page, "Retry now").click();
    await page.getByText(/^Attempt 3 · 200 OK/).waitFor();
    await page.getByText("No more attempts").waitFor();
    await button(page, "Resend").click();
    await page.getByText(/^Attempt 4 · 200 OK/).waitFor();
    await until(async () => JSON.parse(await readFile(join(folder, "last.json"), "utf8")).body.includes("My first ticket"), "the event");
    await verified();
    const took = Date.now() - began;
    console.log(`the trial took ${(took / 1_000).toFixed(1)} s of ${MAY_TAKE_MS / 1_000} s`);
    assert.ok(took <= MAY_TAKE_MS);
    assert.deepEqual(complaints, []);
});
