// Every screen and dialog by name, and how one gets there. `at` is its path, `who` the workspace (or the agent's own
// view of the full one), `act` what is done there, `whole` whether the picture goes on below the window.

import { button, dialog, rows } from "./ui.js";

const menu = async (page, of, item) => {
    await button(page, `Actions for ${of}`).first().click();
    await page.getByRole("menuitem", { name: item, exact: true }).click();
};
const live = (page) => page.getByText("Live", { exact: true }).waitFor();
const log = (query = "") => ({ at: () => `/settings/deliveries${query}` });
const endpoint = (which, tab = "") => (made) => `/settings/webhooks/${made[which].id}${tab}`;
const delivery = (which) => ({ at: (made) => `/deliveries/${made[which].id}`, whole: true, act: (page) => page.getByRole("heading", { name: "Attempts" }).waitFor() });
const stall = (page, method) => page.route(`**/${method}`, () => undefined);
const cut = (page, method) => page.route(`**/${method}`, (route) => route.abort());

/** Adds an endpoint; ends with its secret on the screen. */
async function secret(page, { hooks }) {
    await page.getByLabel("URL").fill(hooks.fresh.url);
    await page.getByLabel("Description").fill("Accounting");
    await button(page, "Add endpoint").click();
    await dialog(page, "Copy your signing secret").waitFor();
}
async function rotating(page, { house, hooks }) {
    const { id } = await house.endpoint(hooks.fresh.url, { description: "Rotor" });
    await page.goto(`/settings/webhooks/${id}`);
    await button(page, "Rotate secret…").click();
    await button(dialog(page, "Rotate the signing secret?"), "Make new secret").click();
    await button(page, "Close anyway").click();
    await button(page, "Promote new secret").scrollIntoViewIfNeeded();
}
const snippet = (language) => ({
    at: endpoint("well"),
    act: async (page) => {
        await button(page, language).click();
        await page.getByRole("heading", { name: "Verify signatures" }).scrollIntoViewIfNeeded();
        await page.evaluate(() => document.getElementById("verify").scrollIntoView());
    },
});
const keyDialog = (item) => ({ at: () => "/settings/api", act: (page) => menu(page, "test", item) });

export const SCREENS = {
    login: { at: () => "/login" },
    "login-wrong": {
        at: () => "/login",
        act: async (page) => {
            await page.getByLabel("Email address").fill("grace@example.com");
            await page.getByLabel("Password").fill("not my password");
            await button(page, "Sign in").click();
            await page.getByRole("alert").waitFor();
        },
    },
    "login-link-old": { at: () => "/login#code=abcdefghijklmnopqrstuvwx", act: (page) => page.getByRole("alert").waitFor() },
    "session-expired": {
        at: () => "/settings/deliveries",
        act: async (page, { context }) => {
            await live(page);
            await context.clearCookies();
            await page.getByRole("link", { name: "API", exact: true }).click();
            await page.getByLabel("Password").waitFor();
        },
    },
    webhooks: { at: () => "/settings/webhooks", act: (page) => page.getByText("CRM sync").first().waitFor() },
    "webhooks-menu": { at: () => "/settings/webhooks", act: (page) => button(page, "Actions for Warehouse").click().then(() => page.getByRole("menuitem", { name: "Pause" }).waitFor()) },
    "webhooks-agent": { who: "agent", act: (page) => page.getByText("CRM sync").first().waitFor() },
    "webhooks-empty": { who: "empty", act: (page) => page.getByText("No endpoints yet.").waitFor() },
    "webhooks-loading": {
        act: async (page) => {
            await stall(page, "ListWebhookEndpoints");
            await page.reload();
            await page.getByText("Loading endpoints…").waitFor();
        },
    },
    "webhooks-error": {
        act: async (page) => {
            await cut(page, "ListWebhookEndpoints");
            await page.reload();
            await page.getByRole("alert").getByText("The server cannot be reached.").waitFor();
        },
    },
    "webhooks-gated": { who: "starter", act: (page) => page.getByText("not in your plan", { exact: false }).first().waitFor() },
    "webhooks-kept": { who: "kept", act: (page) => page.getByText("CRM sync").first().waitFor() },
    "endpoint-kept": { at: endpoint("kept"), who: "kept", act: (page) => page.getByText("Median", { exact: false }).first().waitFor() },
    "deliveries-kept": { ...log(), who: "kept", act: live },
    "endpoint-new": { at: () => "/settings/webhooks/new", whole: true },
    "endpoint-new-wrong": {
        at: () => "/settings/webhooks/new",
        whole: true,
        act: async (page) => {
            await page.getByLabel("URL").fill("ftp://example.com/x");
            await page.getByRole("radio", { name: "Only these" }).check();
            await page.getByText("Advanced: headers, rate and size").click();
            await button(page, "Add header").click();
            await page.getByLabel("Name of header 1").fill("bad name");
            await page.getByLabel("Requests per second").fill("many");
            await button(page, "Add endpoint").click();
            await page.getByText("The URL must", { exact: false }).waitFor();
        },
    },
    "endpoint-unsaved": {
        at: () => "/settings/webhooks/new",
        act: async (page, { hooks }) => {
            await page.getByLabel("URL").fill(hooks.fresh.url);
            await page.getByRole("link", { name: "Tickets" }).click();
            await page.getByRole("dialog").waitFor();
        },
    },
    "endpoint-secret": { at: () => "/settings/webhooks/new", act: secret },
    endpoint: { at: endpoint("well"), whole: true, act: (page) => page.getByText("Median", { exact: false }).first().waitFor() },
    "endpoint-failing": { at: endpoint("sick"), whole: true, act: (page) => page.getByText("503 Service Unavailable").first().waitFor() },
    "endpoint-disabled": { at: endpoint("gone"), whole: true, act: (page) => page.getByText("410 Gone").first().waitFor() },
    "endpoint-table": {
        at: endpoint("well"),
        act: async (page) => {
            await button(page, "Show as table").first().click();
            await button(page, "Show as table").first().click();
            await page.getByRole("region", { name: "as a table" }).first().scrollIntoViewIfNeeded();
        },
    },
    "endpoint-python": snippet("Python"),
    "endpoint-node": snippet("Node"),
    "endpoint-go": snippet("Go"),
    "endpoint-openssl": snippet("OpenSSL"),
    "endpoint-rotate": { at: endpoint("well"), act: (page) => button(page, "Rotate secret…").click() },
    "endpoint-rotating": { act: rotating },
    "endpoint-promoted": {
        act: async (page, all) => {
            await rotating(page, all);
            await button(page, "Promote new secret").click();
            await page.getByText("New secret promoted.").waitFor();
        },
    },
    "endpoint-deliveries": { at: endpoint("sick", "/deliveries"), act: live },
    "endpoint-settings": { at: endpoint("cut", "/settings"), whole: true, act: (page) => page.getByText("ticket.closed").waitFor() },
    "endpoint-settings-agent": { at: endpoint("cut", "/settings"), who: "agent", act: (page) => page.getByText("Only administrators").waitFor() },
    "endpoint-delete": { at: endpoint("cut", "/settings"), act: (page) => button(page, "Delete endpoint…").click() },
    "endpoint-recover": {
        at: endpoint("gone"),
        act: async (page) => {
            await button(page, "Recover missed events…").click();
            await page.getByText(/never delivered|Nothing was missed/).waitFor();
        },
    },
    "test-event": { at: endpoint("well"), act: (page) => button(page, "Send test event").click() },
    "test-event-ok": {
        at: endpoint("well"),
        act: async (page) => {
            await button(page, "Send test event").click();
            await button(page.getByRole("dialog"), "Send test event").click();
            await page.getByText(/^200 OK/).waitFor();
        },
    },
    "test-event-bad": {
        at: endpoint("cut"),
        act: async (page) => {
            await button(page, "Send test event").click();
            await button(page.getByRole("dialog"), "Send test event").click();
            await page.getByRole("link", { name: "View delivery" }).waitFor();
        },
    },
    deliveries: { ...log(), act: live },
    "deliveries-agent": { ...log(), act: live, who: "agent" },
    "deliveries-empty": { ...log(), who: "empty", act: live },
    "deliveries-filtered": { ...log("?status=retrying&event=ticket.created&since=24h"), act: live },
    "deliveries-no-match": { ...log("?status=canceled"), act: (page) => page.getByText("No delivery matches.").waitFor() },
    "deliveries-wrong-id": { ...log(), act: (page) => page.getByLabel("Id of a delivery or event").fill("order 1042").then(() => page.keyboard.press("Enter")) },
    "deliveries-offline": {
        ...log(),
        act: async (page, { context }) => {
            await live(page);
            await context.setOffline(true);
            await page.getByText(/^Offline\. Showing data from /).waitFor();
        },
    },
    "deliveries-paused": { ...log(), act: (page) => live(page).then(() => button(page, "Pause updates").click()) },
    "deliveries-held": {
        ...log(),
        act: async (page, { house }) => {
            await live(page);
            await rows(page).first().hover();
            await house.ticket("One more");
            await page.getByRole("button", { name: /new deliver/ }).waitFor();
        },
    },
    "deliveries-loading": {
        act: async (page) => {
            await stall(page, "ListDeliveries");
            await page.goto("/settings/deliveries");
            await page.getByText("Loading deliveries…").waitFor();
        },
    },
    "deliveries-resend-none": {
        ...log(),
        who: "empty",
        act: async (page) => {
            await button(page, "Resend failed…").click();
            await page.getByText("Nothing to resend").waitFor();
        },
    },
    "deliveries-resend": {
        ...log(),
        act: async (page) => {
            await button(page, "Resend failed…").click();
            await page.getByRole("button", { name: /^Resend \d/ }).waitFor();
        },
    },
    "deliveries-resending": {
        who: "again",
        act: async (page, { house, hooks }) => {
            await house.endpoint(hooks.gone.url, { description: "Old till", events: ["ticket.created"] });
            await house.ticket("Lamp broken on arrival");
            await page.goto("/settings/deliveries?status=failed");
            await rows(page).first().waitFor({ timeout: 20_000 });
            await button(page, "Resend failed…").click();
            await page.getByRole("button", { name: /^Resend \d/ }).click();
            await page.getByText(/scheduled/).waitFor();
        },
    },
    "delivery-delivered": delivery("delivered"),
    "delivery-retrying": delivery("retrying"),
    "delivery-failed": delivery("failed"),
    "delivery-refused": delivery("refused"),
    api: { at: () => "/settings/api", act: (page) => page.getByRole("row", { name: /ixk_/ }).first().waitFor() },
    "api-menu": { at: () => "/settings/api", act: (page) => button(page, "Actions for test").click().then(() => page.getByRole("menuitem", { name: "Revoke…" }).waitFor()) },
    "api-agent": { at: () => "/settings/api", who: "agent", act: (page) => page.getByText("Only administrators").waitFor() },
    "api-create": { at: () => "/settings/api", act: (page) => button(page, "Create key").click() },
    "api-create-own": {
        at: () => "/settings/api",
        act: async (page) => {
            await button(page, "Create key").click();
            await page.getByRole("radio", { name: "Custom" }).check();
            await button(page.getByRole("dialog"), "Create key").click();
            await page.getByText("Choose at least one scope.").waitFor();
        },
    },
    "api-create-wrong": {
        at: () => "/settings/api",
        act: async (page) => {
            await button(page, "Create key").click();
            await button(page.getByRole("dialog"), "Create key").click();
            await page.getByText(/^The name/).waitFor();
        },
    },
    "api-key": {
        at: () => "/settings/api",
        act: async (page) => {
            await button(page, "Create key").click();
            await page.getByRole("dialog").getByLabel("Name").fill("Nightly export");
            await button(page.getByRole("dialog"), "Create key").click();
            await dialog(page, "Copy your API key").waitFor();
        },
    },
    "api-edit": keyDialog("Edit…"),
    "api-rotate": keyDialog("Rotate…"),
    "api-revoke": keyDialog("Revoke…"),
    tickets: { at: () => "/tickets", act: (page) => page.getByText("Refund for order 1042").waitFor() },
    "tickets-empty": { at: () => "/tickets", who: "empty", act: (page) => page.getByText("No tickets yet.").waitFor() },
    "tickets-no-match": { at: () => "/tickets?status=closed", act: (page) => page.getByText("No ticket matches.").waitFor() },
    "ticket-new": { at: () => "/tickets", act: (page) => button(page, "New ticket").click() },
    ticket: {
        act: async (page, { house }) => {
            const { ticket_number } = await house.ticket("Lamp broken on arrival");
            await page.goto(`/tickets/${ticket_number}`);
            await page.getByLabel("Tags").fill("warehouse");
            await page.keyboard.press("Enter");
            await button(page, "Remove tag warehouse").waitFor();
            await page.getByLabel("Internal note").fill("Asked the warehouse.\nThey look.");
            await button(page, "Add note").click();
            await page.getByRole("listitem").filter({ hasText: "Asked the warehouse." }).waitFor();
        },
        whole: true,
    },
    "ticket-simulate": {
        act: async (page, { house }) => {
            const { ticket_number } = await house.ticket("Where is it?");
            await page.goto(`/tickets/${ticket_number}`);
            await button(page, "Simulate customer message").click();
        },
    },
    "tickets-simulate": { at: () => "/tickets", act: (page) => button(page, "Simulate customer message").click() },
    account: { at: () => "/tickets", act: (page) => page.getByRole("button", { name: /^Account of/ }).click() },
    password: {
        at: () => "/tickets",
        act: async (page) => {
            await page.getByRole("button", { name: /^Account of/ }).click();
            await page.getByRole("menuitem", { name: /password/ }).click();
        },
    },
    missing: { at: () => "/settings/nothing" },
    "missing-delivery": { at: () => "/deliveries/019ab5f0-0000-7000-8000-000000000101", act: (page) => page.getByText("There is no such delivery.").waitFor() },
};
