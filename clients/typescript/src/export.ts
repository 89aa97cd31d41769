// The export: every line of it, also when its stream breaks.

import { lines, pieces } from "./chunks.js";
import { type ExportLine, type ExportType, PATHS } from "./contract.js";
import { InboxopsError } from "./error.js";
import type { Http } from "./http.js";
import { backoff, sleep } from "./retry.js";

const IDLE_MAX_MS = 60_000;
/** The server ends an export that is older than ten minutes; until then another one of the workspace may run. */
const TURN_MAX_MS = 11 * 60_000;
const TURN_POLL_SECS = 2;

export interface ExportOptions {
    /** What to export; by default all that the key may read. */
    types?: readonly ExportType[];
    /** The cursor of a line to go on from. */
    after?: string;
    signal?: AbortSignal;
}

/**
 * The lines, the last of which is `end`. A stream that breaks off before it is gone on with from the last line that
 * came; `end` then counts the lines of the last part.
 */
export async function* exported(http: Http, options: ExportOptions): AsyncGenerator<ExportLine, void> {
    const { signal } = options;
    let { after } = options;
    for (let barren = 0; ;) {
        const response = await opened(http, after, options);
        let isBarren = true;
        for await (const line of lines(pieces(response, IDLE_MAX_MS, signal))) {
            if (!line) continue;
            const record = recordOf(line);
            if (!record) break;
            isBarren = false;
            yield record;
            if (record.type === "end") return;
            after = record.cursor;
        }
        signal?.throwIfAborted();
        barren = isBarren ? barren + 1 : 0;
        if (barren > http.maxRetries)
            throw new InboxopsError("The export ends before its end.", { code: "export_incomplete" });
        await sleep(backoff(barren), signal);
    }
}

/** What is cut off is no record: no beginning of an object is JSON. */
function recordOf(line: string): ExportLine | null {
    try {
        return JSON.parse(line) as ExportLine;
    } catch {
        return null;
    }
}

/** Waits for its turn: a workspace has one export at a time, and after a break ours may still seem to run. */
async function opened(http: Http, after: string | undefined, { types, signal }: ExportOptions): Promise<Response> {
    const request = { method: "GET", path: PATHS.export, query: { types, after }, accept: "application/x-ndjson" };
    const latest = Date.now() + TURN_MAX_MS;
    for (;;) {
        try {
            return await http.stream(request, { signal });
        } catch (error) {
            if (!(error instanceof InboxopsError) || error.code !== "export_in_progress" || Date.now() > latest)
                throw error;
            await sleep((error.retryAfter ?? TURN_POLL_SECS) * 1000 + backoff(0), signal);
        }
    }
}
