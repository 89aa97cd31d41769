// The scopes of a key, in words.

export const SCOPES: [string, string][] = [
    ["tickets:read", "Read tickets and agents"],
    ["tickets:write", "Open and change tickets"],
    ["messages:read", "Read messages"],
    ["messages:write", "Write internal notes"],
    ["tags:read", "Read tags"],
    ["tags:write", "Add and remove tags"],
    ["inboxes:read", "Read inboxes"],
    ["events:read", "Read and follow events"],
    ["webhooks:read", "Read webhooks and deliveries"],
    ["webhooks:manage", "Manage webhooks and deliveries"],
    ["audit:read", "Read the audit log"],
];

// The audit log has addresses and names of people: reading it is chosen on purpose.
const READ = SCOPES.map(([name]) => name).filter((it) => it.endsWith(":read") && it !== "audit:read");
const TICKETS = ["tickets:read", "tickets:write", "messages:read", "messages:write", "tags:read", "tags:write", "inboxes:read"];

export const PRESETS: { name: string; about: string; scopes: string[] }[] = [
    { name: "Everything", about: "Including future additions to the API.", scopes: [] },
    { name: "Read only", about: "Reads everything except the audit log, changes nothing.", scopes: READ },
    { name: "Tickets", about: "Works on tickets, notes and tags.", scopes: TICKETS },
];

export function scopesInWords(scopes: string[]): string {
    if (scopes.length === 0 || scopes.length === SCOPES.length) return "Everything";
    const same = PRESETS.find((it) => it.scopes.length === scopes.length && it.scopes.every((one) => scopes.includes(one)));
    return same?.name ?? (scopes.length < 3 ? scopes.join(", ") : `${scopes.length} scopes`);
}
