// A refused or failed call, converted once from the library's error into what screens show.

import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "./gen/google/rpc/error_details_pb";

const WORDS: Record<string, string> = {
    CANNOT_REACH: "The server cannot be reached.",
    TOOK_TOO_LONG: "The server took too long to answer.",
};

export class Failure extends Error {
    /** Name of the reason, `ENTITLEMENT_REQUIRED` say. */
    reason = "";
    /** The server could not be reached, or is not ready: trying again makes sense. */
    away = false;
    /** What is wrong with which field, as words that follow the field's name. */
    fields = new Map<string, string>();
    /** Facts by name: `role`, `minimum_plan`, `entitlement`. */
    facts: Record<string, string> = {};
    requestId = "";

    static of(thrown: unknown): Failure {
        if (thrown instanceof Failure) return thrown;
        const error = ConnectError.from(thrown);
        const failure = new Failure(error.rawMessage);
        const info = error.findDetails(ErrorInfoSchema)[0];
        failure.reason = info?.reason ?? Code[error.code]!.replace(/\B[A-Z]/g, "_$&").toUpperCase();
        failure.facts = info?.metadata ?? {};
        for (const { field, description } of error.findDetails(BadRequestSchema).flatMap((it) => it.fieldViolations)) {
            if (!failure.fields.has(field)) failure.fields.set(field, description);
        }
        failure.requestId = error.metadata.get("x-request-id") ?? "";
        // A browser's fetch without a response fails with a TypeError, which the library reports as unknown.
        const noAnswer = !info && error.cause instanceof TypeError;
        failure.away = noAnswer || error.code === Code.Unavailable || error.code === Code.DeadlineExceeded;
        if (noAnswer) failure.reason = "CANNOT_REACH";
        if (!info && error.code === Code.DeadlineExceeded) failure.reason = "TOOK_TOO_LONG";
        failure.message = WORDS[failure.reason] ?? sentence(error.rawMessage);
        return failure;
    }

    /** What is wrong with a field, as a sentence; lists answer for their items too. */
    field(name: string, label: string): string | undefined {
        for (const [field, description] of this.fields) {
            if (field === name || field.startsWith(`${name}[`) || field.startsWith(`${name}.`)) {
                return sentence(/^[A-Z]/.test(description) ? description : `${label} ${description}`);
            }
        }
        return undefined;
    }
}

function sentence(text: string): string {
    const trimmed = text.trim();
    if (!trimmed) return "Something went wrong.";
    const upper = trimmed[0]!.toUpperCase() + trimmed.slice(1);
    return /[.!?…]$/.test(upper) ? upper : `${upper}.`;
}
