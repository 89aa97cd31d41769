// The one class of errors.

import type { components } from "./generated/openapi.js";

export type ErrorDetail = components["schemas"]["ErrorDetail"];

export interface ErrorMembers {
    /** The status of the answer; 0 if there was none. */
    status: number;
    /**
     * The API's code, such as `ticket_not_found`. Of this client are `connection_failed`, `request_timeout`,
     * `unexpected_answer` (not the API's JSON) and `export_incomplete`.
     */
    code: string;
    details: ErrorDetail[];
    /** The id by which the server's log names the request, if there was an answer. */
    requestId: string | null;
    /** Whole seconds after which the server wants to be asked again. */
    retryAfter: number | null;
    /** Where the code is explained. */
    docUrl: string | null;
}

/** A call that failed, with the answer's error. */
export class InboxopsError extends Error implements ErrorMembers {
    override readonly name = "InboxopsError";
    readonly status: number;
    readonly code: string;
    readonly details: ErrorDetail[];
    readonly requestId: string | null;
    readonly retryAfter: number | null;
    readonly docUrl: string | null;

    constructor(message: string, members: Partial<ErrorMembers> & { code: string }, cause?: unknown) {
        super(message, cause === undefined ? undefined : { cause });
        this.status = members.status ?? 0;
        this.code = members.code;
        this.details = members.details ?? [];
        this.requestId = members.requestId ?? null;
        this.retryAfter = members.retryAfter ?? null;
        this.docUrl = members.docUrl ?? null;
    }
}

/** The error of an answer that is none of success. */
export async function failureOf(response: Response): Promise<InboxopsError> {
    const { status, headers } = response;
    const common = {
        status,
        requestId: headers.get("x-request-id"),
        retryAfter: retryAfterOf(headers.get("retry-after")),
    };
    const error = errorIn(await response.text());
    if (!error)
        return new InboxopsError(`HTTP ${status}, without an error of the API.`, {
            ...common,
            code: "unexpected_answer",
        });
    const { code, message, details, request_id: requestId, doc_url: docUrl } = error;
    return new InboxopsError(message, { ...common, code, details, docUrl, requestId: requestId ?? common.requestId });
}

type ErrorBody = components["schemas"]["ErrorBody"];

function errorIn(text: string): ErrorBody | null {
    try {
        const error = (JSON.parse(text) as { error?: ErrorBody } | null)?.error;
        return typeof error?.code === "string" && typeof error.message === "string" ? error : null;
    } catch {
        return null;
    }
}

/** The seconds of `Retry-After`, which is a number or a date. */
export function retryAfterOf(value: string | null, now = Date.now()): number | null {
    if (value === null) return null;
    if (/^\s*\d{1,9}\s*$/.test(value)) return Number(value);
    const at = Date.parse(value);
    return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now) / 1000));
}
