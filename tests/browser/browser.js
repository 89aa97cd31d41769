// A browser for a test, with pages that record their errors.

import { join } from "node:path";
import { chromium } from "playwright-core";

const FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // The network is cut: no name resolves and no address but this machine's is reached.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];

export const open = () => chromium.launch({ executablePath: process.env.BROWSER, args: FLAGS });

/** A page in a window of this width. `complaints` lists what must not happen. */
export async function page(browser, url, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, baseURL: url, ...options });
    const page = await context.newPage();
    const complaints = [];
    const requests = [];
    page.on("request", (request) => {
        requests.push(request);
        const { protocol, origin } = new URL(request.url());
        if (protocol !== "data:" && origin !== url) complaints.push(`asks another host: ${request.url()}`);
    });
    page.on("console", (message) => {
        if (message.type() === "error") complaints.push(`error: ${message.text()}`);
    });
    page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
    page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
    return { page, complaints, requests };
}

/** Puts a picture of the page where the caller of the tests wants them. */
export async function picture(page, name, options = {}) {
    const folder = process.env.SCREENSHOTS;
    if (folder) await page.screenshot({ path: join(folder, `${name}.png`), ...options });
}
