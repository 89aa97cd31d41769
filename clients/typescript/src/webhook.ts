// Whether a request to your server is a webhook of InboxOps.

import type { WebhookEvent } from "./contract.js";
import { why } from "./generated/verify.js";

/** The headers as your framework has them, with names in any case. */
export type WebhookHeaders =
    Headers | ReadonlyMap<string, string> | Readonly<Record<string, string | readonly string[] | undefined>>;
/** The bytes that came, before any parsing. */
export type WebhookBody = string | ArrayBuffer | ArrayBufferView;

/** A request that InboxOps did not send, or not now; its message says why, for your log. Answer 401. */
export class WebhookVerificationError extends Error {
    override readonly name = "WebhookVerificationError";
}

/**
 * The event of a request, once its signature is checked; else it rejects with `WebhookVerificationError`. `secrets` is
 * the endpoint's secret, or both during a rotation. It works by `webhook-signature`, which covers the time, so that a
 * request that somebody recorded is refused after five minutes.
 */
export async function verifyWebhook(
    secrets: string | readonly string[],
    headers: WebhookHeaders,
    body: WebhookBody,
): Promise<WebhookEvent> {
    const reason = await why(secrets, headers, body);
    if (reason !== null) throw new WebhookVerificationError(reason);
    const text = typeof body === "string" ? body : new TextDecoder().decode(body);
    return JSON.parse(text) as WebhookEvent;
}
