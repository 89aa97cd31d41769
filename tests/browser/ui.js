// The pages of the product for a test: a workspace to sign in to, a receiver to post to, and what must hold of every page.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { open } from "./browser.js";
import { start } from "./product.js";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const SETTINGS = {
    INBOXOPS_WEBHOOKS__ALLOW_PRIVATE_TARGETS: "true",
    INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE: "100000",
};
const PATIENCE_MS = 10_000;

/** A server, a browser, and a workspace with an administrator. */
export async function stage({ plan = "business", settings, demo } = {}) {
    const [product, browser] = await Promise.all([start({ ...SETTINGS, ...settings }, { demo }), open()]);
    try {
        const house = demo ? {} : await workspace(product, plan);
        const leave = async () => {
            await browser.close();
            await product.stop();
        };
        return { product, browser, ...house, leave };
    } catch (error) {
        await browser.close();
        await product.stop();
        throw error;
    }
}

let serial = 0;

export async function workspace(product, plan = "business") {
    const n = ++serial;
    const tenant = (await product.cli("tenant", "create", "--name", `Acme ${n}`, "--plan", plan)).id;
    const inbox = (await product.cli("inbox", "create", "--tenant", tenant, "--name", "Support", "--address", `help${n}@example.com`)).id;
    const admin = await agent(product, tenant, `grace${n}@example.com`, "admin");
    const { key } = await product.cli("key", "create", "--tenant", tenant, "--name", "test");
    const api = (path, body) =>
        fetch(`${product.url}/api/v1${path}`, {
            method: body ? "POST" : "GET",
            headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
            body: body && JSON.stringify(body),
        });
    /** Opens a ticket by the API. */
    const ticket = async (subject) => {
        const response = await api("/tickets", { subject, inbox_id: inbox });
        assert.equal(response.status, 201, await response.clone().text());
        return (await response.json()).data;
    };
    const endpoint = async (url, more = {}) => {
        const response = await api("/webhooks", { url, events: ["*"], ...more });
        assert.equal(response.status, 201, await response.clone().text());
        return (await response.json()).data;
    };
    return { tenant, inbox, admin, api, ticket, endpoint };
}

export const agent = (product, tenant, email, role) =>
    product.cli("agent", "create", "--tenant", tenant, "--email", email, "--name", email.split("@")[0], "--role", role);

/** A page in a window of its own, signed in by a one-time link. `complaints` lists what must not happen. */
export async function visit({ product, browser, admin }, path = "/settings/webhooks", { as = admin, ...options } = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, baseURL: product.url, ...options });
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const complaints = watch(page, product.url);
    const { login_url } = await product.cli("agent", "login-link", as.id);
    const { pathname, hash } = new URL(login_url);
    await page.goto(`${pathname}?next=${encodeURIComponent(path)}${hash}`);
    await page.getByRole("navigation", { name: "Main" }).waitFor();
    const close = async () => {
        await context.close();
        assert.deepEqual(complaints, []);
    };
    return { page, context, complaints, close };
}

/** What must not happen on a page: errors, warnings, refused content, requests to others. */
export function watch(page, url) {
    const complaints = [];
    page.on("request", (request) => {
        const { protocol, origin } = new URL(request.url());
        if (!["data:", "blob:"].includes(protocol) && origin !== url) complaints.push(`asks another host: ${request.url()}`);
    });
    page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
    return complaints;
}

/** Checks a page, with whatever dialog is open on it, against the rules of WCAG that a program can check. */
export async function accessible(page, where = page.url()) {
    await page.evaluate(AXE);
    const found = await page.evaluate(async (tags) => {
        const { violations } = await globalThis.axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] });
        return violations.map((it) => `${it.id}: ${it.nodes.map((node) => `${node.target.join(" ")} (${node.failureSummary})`).join("; ")}`);
    }, TAGS);
    assert.deepEqual(found, [], where);
}

/** A server that takes webhooks. `answer` may be changed at any time: it gets a request and says status and body. */
export async function receiver(answer = () => ({ status: 200, body: "ok" })) {
    const taken = [];
    const one = { answer, taken };
    const server = createServer((request, response) => {
        const parts = [];
        request.on("data", (part) => parts.push(part));
        request.on("end", async () => {
            const post = { path: request.url, headers: request.headers, body: Buffer.concat(parts), at: Date.now() };
            taken.push(post);
            const { status, body = "", headers = {} } = await one.answer(post);
            response.writeHead(status, headers).end(body);
            post.answered = Date.now();
        });
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    one.url = `http://127.0.0.1:${server.address().port}/hook`;
    one.stop = () => new Promise((resolve) => server.close(resolve) && server.closeAllConnections());
    return one;
}

/** Waits until something holds. */
export async function until(holds, what = "it") {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
        const found = await holds();
        if (found) return found;
        assert.ok(Date.now() < end, `${what} did not come to hold in ${PATIENCE_MS} ms`);
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}

export const button = (scope, name) => scope.getByRole("button", { name, exact: true });
export const dialog = (page, name) => page.getByRole("dialog", { name });
export const rows = (page) => page.locator("tbody tr");

/** Adds an endpoint as a person would; returns its secret. */
export async function addEndpoint(page, url, description) {
    await page.goto("/settings/webhooks/new");
    await page.getByLabel("URL").fill(url);
    if (description) await page.getByLabel("Description").fill(description);
    await button(page, "Add endpoint").click();
    const shown = dialog(page, "Copy your signing secret");
    const secret = await shown.locator("[data-secret]").innerText();
    await shown.getByLabel("I have stored this secret").check();
    await button(shown, "Done").click();
    await shown.waitFor({ state: "hidden" });
    return secret;
}
