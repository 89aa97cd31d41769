// A view of data in its five states: loading, empty, no match, failed, not allowed. Old data stays when a reload fails.

import type { ReactNode } from "react";
import { Failure } from "../failure";
import { Copy } from "./copy";
import { Gate } from "./gate";

interface Query {
    data?: unknown;
    error: unknown;
    isPending: boolean;
    isFetching: boolean;
    refetch: () => unknown;
}

interface Props {
    query: Query;
    /** What is shown, for sentences: "endpoints". */
    what: string;
    /** Shown instead of the children when there is data and nothing in it. */
    empty?: ReactNode;
    children: ReactNode;
}

export function View({ query, what, empty, children }: Props) {
    const failure = query.error ? Failure.of(query.error) : undefined;
    if (failure && (failure.reason === "ENTITLEMENT_REQUIRED" || failure.reason === "ROLE_REQUIRED")) {
        return <Gate failure={failure} />;
    }
    return (
        <div aria-busy={query.isPending}>
            {failure && <Trouble failure={failure} lead={`Could not load ${what}.`} retry={query.refetch} busy={query.isFetching} />}
            {query.isPending ? <Skeleton what={what} /> : query.data !== undefined && (empty || children)}
        </div>
    );
}

/** A failure with everything that helps to get past it. */
export function Trouble({ failure, lead, retry, busy }: { failure: Failure; lead?: string; retry?: () => unknown; busy?: boolean }) {
    return (
        <div className="banner bad" role="alert">
            <div className="grow">
                <p>
                    {lead && <strong>{lead} </strong>}
                    {failure.message}
                </p>
                <p className="fine">
                    <code>{failure.reason}</code>
                    {failure.requestId && (
                        <>
                            {" · request "}
                            <code>{failure.requestId}</code>
                            <Copy text={failure.requestId} what="request id" />
                        </>
                    )}
                </p>
            </div>
            {retry && (
                <button onClick={() => void retry()} aria-disabled={busy}>
                    {busy ? "Trying…" : "Try again"}
                </button>
            )}
        </div>
    );
}

function Skeleton({ what }: { what: string }) {
    return (
        <div className="skeleton">
            <span className="hidden" role="status">
                Loading {what}…
            </span>
            <i />
            <i />
            <i />
            <i />
        </div>
    );
}

/** What an empty place says: what is missing and what to do about it. */
export function Empty({ title, children, actions }: { title: string; children?: ReactNode; actions?: ReactNode }) {
    return (
        <section className="empty">
            <h2>{title}</h2>
            {children && <p>{children}</p>}
            {actions && <p className="actions">{actions}</p>}
        </section>
    );
}
