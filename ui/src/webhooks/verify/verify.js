import { createHmac, timingSafeEqual } from "node:crypto";

/** Throws unless InboxOps sent this. `body` is the raw body (a Buffer), before any parsing. */
export function verify(secret, headers, body) {
    const id = headers["webhook-id"];
    const timestamp = headers["webhook-timestamp"];
    if (!(Math.abs(Date.now() / 1000 - timestamp) <= 300)) throw new Error("the request is too old");
    const key = Buffer.from(secret.replace("whsec_", ""), "base64");
    const digest = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
    const expected = Buffer.from(`v1,${digest}`);
    const fits = (given) => given.length === expected.length && timingSafeEqual(given, expected);
    if (!headers["webhook-signature"].split(" ").some((one) => fits(Buffer.from(one)))) {
        throw new Error("the signature is wrong");
    }
}
