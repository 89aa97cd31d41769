import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { WebhookVerificationError, verifyWebhook } from "../dist/index.js";
import * as generated from "../dist/generated/verify.js";
import * as shown from "../../../ui/src/webhooks/verify/verify.js";

const file = new URL("../../../worker/tests/signatures.json", import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, "utf8"));
const SECRET = `whsec_${Buffer.alloc(24, "k").toString("base64")}`;
const BODY = '{"event":"ticket.created","data":{"subject":"Größe 🚀"}}';

/** Headers of a request that the official library signed now. */
function signed(secret = SECRET, body = BODY, at = new Date()) {
    const signature = new Webhook(secret).sign("msg_1", at, body);
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
        "webhook-signature": signature,
    };
}

for (const vector of vectors) {
    test(`vector: ${vector.name}`, async (context) => {
        context.mock.timers.enable({ apis: ["Date"], now: vector.webhook_timestamp * 1000 });
        const headers = {
            "webhook-id": vector.webhook_id,
            "webhook-timestamp": String(vector.webhook_timestamp),
            "webhook-signature": vector.webhook_signature,
        };
        for (const { secret } of vector.secrets) {
            assert.equal(await generated.why(secret, headers, vector.body), null);
            assert.equal(await generated.why(secret, headers, new TextEncoder().encode(vector.body)), null);
            assert.equal(await generated.verify(secret, headers, `${vector.body} `), false);
        }
        assert.equal(
            await generated.why(SECRET, headers, vector.body),
            "No signature fits: another secret, or not the bytes that came.",
        );
    });
}

test("the vectors have those of the official libraries", () => {
    assert.ok(vectors.length >= 4);
    assert.ok(vectors.some((it) => it.name.includes("Standard Webhooks")));
});

test("what the official library signs is verified, and its event returned", async () => {
    const event = await verifyWebhook(SECRET, signed(), BODY);
    assert.deepEqual(event, JSON.parse(BODY));
    const bytes = new TextEncoder().encode(BODY);
    for (const body of [bytes, bytes.buffer, Buffer.from(BODY), new DataView(bytes.buffer)]) {
        assert.deepEqual(await verifyWebhook(["whsec_AAAA", SECRET], new Headers(signed()), body), event);
    }
});

test("a part of a larger buffer is what is signed", async () => {
    const whole = new TextEncoder().encode(`xx${BODY}yy`);
    const part = whole.subarray(2, whole.length - 2);
    assert.equal((await verifyWebhook(SECRET, signed(), part)).event, "ticket.created");
});

test("a forgery, an old request and what was parsed are refused with a reason", async () => {
    const minutes = (count) => new Date(Date.now() + count * 60_000);
    const refused = [
        [SECRET, signed(), `${BODY} `, /No signature fits/],
        [`whsec_${Buffer.alloc(24, "x").toString("base64")}`, signed(), BODY, /No signature fits/],
        [SECRET, signed(SECRET, BODY, minutes(-6)), BODY, /300 seconds/],
        [SECRET, signed(SECRET, BODY, minutes(6)), BODY, /300 seconds/],
        [SECRET, signed(), JSON.parse(BODY), /bytes that came/],
        [SECRET, {}, BODY, /missing/],
        ["", signed(), BODY, /no secret/],
        [[], signed(), BODY, /no secret/],
    ];
    for (const [secret, headers, body, reason] of refused) {
        await assert.rejects(
            verifyWebhook(secret, headers, body),
            (error) => error instanceof WebhookVerificationError && reason.test(error.message),
        );
    }
});

test("it says word for word what the code in the guide says", async () => {
    const good = signed();
    const key = Buffer.alloc(24, "k");
    const text = `msg_1.${good["webhook-timestamp"]}.${BODY}`;
    const own = (digest) => ({
        ...good,
        "webhook-signature": `v1,${createHmac("sha256", key).update(text).digest(digest)}`,
    });
    const secrets = [
        SECRET,
        [SECRET],
        SECRET.slice(6),
        ` ${SECRET}\n`,
        "whsec_",
        "",
        null,
        [null, SECRET],
        "whsec_A",
        "whsec_=",
        "ä",
        "whsec_-_-_",
        `${SECRET}==`,
        5,
    ];
    const headers = [
        good,
        new Headers(good),
        new Map(Object.entries(good)),
        Object.fromEntries(Object.entries(good).map(([name, value]) => [name.toUpperCase(), value])),
        { ...good, "webhook-signature": `v1a,xx ${good["webhook-signature"]}` },
        { ...good, "webhook-signature": good["webhook-signature"].toLowerCase() },
        { ...good, "webhook-signature": [good["webhook-signature"]] },
        { ...good, "webhook-timestamp": "+1" },
        own("base64"),
        own("base64url"),
        null,
        5,
        "text",
    ];
    const bodies = [BODY, Buffer.from(BODY), "", null, {}, new ArrayBuffer(3)];
    let agreed = 0;
    for (const secret of secrets) {
        for (const header of headers) {
            for (const body of bodies) {
                const said = shown.why(secret, header, body);
                assert.equal(await generated.why(secret, header, body), said, JSON.stringify([secret, header, body]));
                agreed += said === null;
            }
        }
    }
    assert.ok(agreed >= 20, `${agreed} were accepted`);
});
