// When a failed attempt is made again, and how long that waits. Pure but for `sleep`.

import type { InboxopsError } from "./error.js";

const BASE_MS = 250;
const CAP_MS = 10_000;
/** A server that wants to be left alone for longer is obeyed by failing. */
export const RETRY_AFTER_MAX_SECS = 120;
/** No answer at all, over the limit, or a server (or a proxy before it) that cannot answer now. */
const RETRIED = new Set([0, 429, 502, 503, 504]);

/** The back-off before repeat `number`, from 0: any time up to a bound that doubles ("full jitter"). */
export function backoff(number: number, random = Math.random): number {
    return random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(number, 20));
}

/**
 * How long to wait before repeat `number`, in milliseconds; null if the failure is final. Writes have an idempotency
 * key, so they are repeated like reads. 409 `idempotency_in_progress` on a repeat is about an earlier attempt of ours.
 */
export function waitBefore(
    error: InboxopsError,
    number: number,
    maxRetries: number,
    random = Math.random,
): number | null {
    const isOurs = number > 0 && error.code === "idempotency_in_progress";
    if (number >= maxRetries || !(RETRIED.has(error.status) || isOurs)) return null;
    const own = backoff(number, random);
    if (error.retryAfter === null) return own;
    if (error.retryAfter > RETRY_AFTER_MAX_SECS && maxRetries !== Infinity) return null;
    return error.retryAfter * 1000 + Math.min(own, 1000);
}

/** Waits, or rejects with the signal's reason. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        const stop = () => {
            clearTimeout(timer);
            reject(signal?.reason);
        };
        if (signal?.aborted) return reject(signal.reason);
        const timer = setTimeout(() => {
            signal?.removeEventListener("abort", stop);
            resolve();
        }, ms);
        signal?.addEventListener("abort", stop, { once: true });
    });
}
