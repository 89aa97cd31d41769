// Made from ui/src/webhooks/verify/verify.js by generate.mjs; do not edit.

import { bytesOf, macOf, timingSafeEqual } from "../bytes.js";

/** Whether InboxOps sent this: secrets are one or a list, body the bytes that came (a Buffer), before any parsing. */
export async function verify(secrets, headers, body) {
    return (await why(secrets, headers, body)) === null;
}

/** Why it is not taken for a request of InboxOps, as a sentence; null if it is one. */
export async function why(secrets, headers, body) {
    const bytes = body instanceof ArrayBuffer ? new Uint8Array(body) : body;
    if (typeof bytes !== "string" && !ArrayBuffer.isView(bytes)) return "The body must be the bytes that came, not what was made of them.";
    const pairs = typeof headers?.entries === "function" ? [...headers.entries()] : Object.entries(headers ?? {});
    const got = new Map(pairs.map(([name, value]) => [String(name).toLowerCase(), value]));
    const [event, sent, signatures] = ["id", "timestamp", "signature"].map((it) => got.get(`webhook-${it}`));
    if (![event, sent, signatures].every((it) => typeof it === "string" && it)) {
        return "webhook-id, webhook-timestamp or webhook-signature is missing.";
    }
    if (!/^[0-9]{1,12}$/.test(sent)) return "webhook-timestamp is not a number of seconds.";
    if (Math.abs(Date.now() / 1000 - Number(sent)) > 300) {
        return "webhook-timestamp is more than 300 seconds away from this machine's clock.";
    }
    const decoded = [secrets].flat().map((it) => bytesOf(String(it ?? "").trim().replace(/^whsec_/, ""), "base64"));
    const keys = decoded.filter((key) => key.length > 0);
    if (!keys.length) return "There is no secret to check with.";
    const macs = await Promise.all(keys.map((key) => macOf(key, `${event}.${sent}.`, bytes)));
    const fits = macs.some((mac) => {
        const want = bytesOf(`v1,${mac}`);
        return signatures.split(" ").some((one) => {
            const given = bytesOf(one);
            return given.length === want.length && timingSafeEqual(given, want);
        });
    });
    return fits ? null : "No signature fits: another secret, or not the bytes that came.";
}
