// Bodies that are read as they come.

/**
 * The text of a body, piece by piece. A connection that breaks, that is silent for too long, or that the signal ends
 * looks like an end: whoever reads knows what must stand last, and goes on from there.
 */
export async function* pieces(response: Response, idleMs: number, signal?: AbortSignal): AsyncGenerator<string, void> {
    const reader = response.body?.getReader();
    if (!reader) return;
    const decoder = new TextDecoder();
    const cancel = () => void reader.cancel().catch(() => undefined);
    signal?.addEventListener("abort", cancel, { once: true });
    if (signal?.aborted) cancel();
    try {
        for (;;) {
            const timer = setTimeout(cancel, idleMs);
            const part = await reader.read().catch(() => null);
            clearTimeout(timer);
            if (!part || part.done) return;
            yield decoder.decode(part.value, { stream: true });
        }
    } finally {
        signal?.removeEventListener("abort", cancel);
        cancel();
    }
}

/** Far above the longest answer, so that a body without a line break cannot fill the memory. */
const LINE_MAX_CHARS = 16 << 20;

/**
 * The lines of pieces of text, and with `withRest` what stands behind the last line break, if anything does. Where a
 * connection broke that is a part of a line, which can look whole.
 */
export async function* lines(text: AsyncIterable<string>, ends = /\n/, withRest = true): AsyncGenerator<string, void> {
    let rest = "";
    for await (const piece of text) {
        const found = (rest + piece).split(ends);
        rest = found.pop() ?? "";
        if (rest.length > LINE_MAX_CHARS) throw new RangeError(`A line has more than ${LINE_MAX_CHARS} characters.`);
        yield* found;
    }
    if (withRest && rest) yield rest;
}
