// What the generated check of signatures needs: bytes of texts, and WebCrypto's HMAC.

const text = new TextEncoder();

/** Like Node's `Buffer.from`: the bytes of a text, in UTF-8 or from base64, of which it takes what it can. */
export function bytesOf(value: string, encoding?: "base64"): Uint8Array {
    if (encoding !== "base64") return text.encode(value);
    const [digits = ""] = value.replaceAll("-", "+").replaceAll("_", "/").split("=");
    const known = digits.replace(/[^A-Za-z0-9+/]/g, "");
    // One digit alone is less than a byte.
    const whole = known.length % 4 === 1 ? known.slice(0, -1) : known;
    return Uint8Array.from(atob(whole), (it) => it.charCodeAt(0));
}

/** The HMAC-SHA256 of a head and a body, in base64. */
export async function macOf(key: Uint8Array, head: string, body: string | ArrayBufferView): Promise<string> {
    const tail =
        typeof body === "string" ? text.encode(body) : new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
    const start = text.encode(head);
    const signed = new Uint8Array(start.length + tail.length);
    signed.set(start);
    signed.set(tail, start.length);
    const hmac = await crypto.subtle.importKey("raw", new Uint8Array(key), { name: "HMAC", hash: "SHA-256" }, false, [
        "sign",
    ]);
    const mac = new Uint8Array(await crypto.subtle.sign("HMAC", hmac, signed));
    return btoa(String.fromCharCode(...mac));
}

/** Whether two texts of one length are the same, in a time that does not depend on where they differ. */
export function timingSafeEqual(left: Uint8Array, right: Uint8Array): boolean {
    let difference = left.length ^ right.length;
    for (const [at, byte] of left.entries()) difference |= byte ^ (right[at] ?? 0);
    return difference === 0;
}
