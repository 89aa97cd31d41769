// The delivery log: live, filtered by the address bar, for all endpoints or one.

import { useQuery } from "@connectrpc/connect-query";
import { memo, useEffect, useMemo, useRef, useState } from "react";
import { type Delivery, DeliveryService, DeliveryStatus } from "../gen/inboxops/v1/deliveries_pb";
import { WebhookService } from "../gen/inboxops/v1/webhooks_pb";
import { Gate } from "../kit/gate";
import { Link } from "../kit/link";
import { Page } from "../kit/page";
import { useParameters } from "../kit/route";
import { DeliveryBadge } from "../kit/status";
import { Ago, Countdown, clockShort, count, millis } from "../kit/time";
import { Empty, View } from "../kit/view";
import { useSession } from "../session/session";
import { endpointName } from "../webhooks/words";
import { filterOf, isOpen } from "./filter";
import { Filters } from "./filters";
import { useLog } from "./log_data";
import { Resend } from "./resend";
import type { Line } from "./watch";
import { errorWord } from "./words";

export function Deliveries() {
    return (
        <Page title="Deliveries" lead="Every delivery of an event to an endpoint, live.">
            <DeliveryLog />
        </Page>
    );
}

/** Further down than this the reader is reading: new rows wait. */
const TOP_PX = 160;

export function DeliveryLog({ endpointId }: { endpointId?: string }) {
    const session = useSession();
    const [parameters, setParameters] = useParameters();
    const filter = useMemo(() => filterOf(parameters, endpointId), [parameters.toString(), endpointId]);
    const [paused, setPaused] = useState(false);
    const [resending, setResending] = useState(false);
    const log = useLog(filter, endpointId, paused);
    const stats = useQuery(DeliveryService.method.getDeliveryStats, { endpointId: filter.endpointId || undefined }, { refetchInterval: 10_000 });
    const endpoints = useQuery(WebhookService.method.listWebhookEndpoints, { perPage: 100 });
    const names = new Map(endpoints.data?.endpoints.map((it) => [it.id, endpointName(it)]));
    const place = useRef<HTMLDivElement>(null);
    const { rows, shown, line } = log;
    rows.busy = () => scrollY > TOP_PX || !!place.current?.matches(":hover") || !!place.current?.contains(document.activeElement);
    useEffect(() => {
        // The pointer leaves, the focus moves, or the reader scrolls to the top: waiting rows may be added.
        const look = () => void setTimeout(rows.settle);
        const events = ["scroll", "pointermove", "focusout"];
        for (const it of events) addEventListener(it, look, { passive: true });
        return () => events.forEach((it) => removeEventListener(it, look));
    }, []);
    const open = isOpen(filter) && (endpointId || !filter.endpointId);
    const none = !endpointId && endpoints.data?.endpoints.length === 0;
    const add = none && session?.manages && (
        <Link className="button" href="/settings/webhooks/new">
            Add endpoint
        </Link>
    );
    const empty = shown.rows.length === 0 && (
        open ? (
            <Empty title="No deliveries yet." actions={add}>
                {endpointId
                    ? "Send a test event, or wait for something to happen."
                    : none
                      ? "There is no endpoint yet to send events to."
                      : "They appear here as soon as an event is sent to an endpoint."}
            </Empty>
        ) : (
            <Empty title="No delivery matches.">Change or clear the filters above.</Empty>
        )
    );
    return (
        <>
            {!endpointId && session && !session.webhooks && <Gate banner />}
            <div className="bar log-bar">
                <LineState line={line} at={log.at} />
                <button className="small" onClick={() => setPaused(!paused)}>
                    {paused ? "Go live" : "Pause updates"}
                </button>
                {session?.manages && !filter.id && (
                    <button className="small" onClick={() => setResending(true)}>
                        Resend failed…
                    </button>
                )}
            </div>
            <Filters filter={filter} set={setParameters} endpoints={endpointId ? undefined : endpoints.data?.endpoints} counts={stats.data?.total?.counts} />
            <View query={log.query} what="deliveries" empty={empty}>
                {/* The button is part of it: on the way to it nothing may move. */}
                <div ref={place}>
                    {shown.held > 0 && (
                        <button
                            className="primary held"
                            onClick={() => {
                                rows.release();
                                scrollTo({ top: 0 });
                            }}
                        >
                            {count(shown.held, "new delivery", "new deliveries")}
                        </button>
                    )}
                    <div className="table" role="region" aria-label="Deliveries" tabIndex={0}>
                        <table className="fixed">
                            <thead>
                                <tr>
                                    <th scope="col" className="w-status">
                                        Status
                                    </th>
                                    <th scope="col">Event</th>
                                    {!endpointId && (
                                        <th scope="col" className="wide w-name">
                                            Endpoint
                                        </th>
                                    )}
                                    <th scope="col" className="wide w-http">
                                        HTTP
                                    </th>
                                    <th scope="col" className="wide mid w-few">
                                        Attempts
                                    </th>
                                    <th scope="col" className="wide mid num w-few">
                                        Latency
                                    </th>
                                    <th scope="col" className="wide w-retry">
                                        Next retry
                                    </th>
                                    <th scope="col" className="wide num w-time">
                                        Time
                                    </th>
                                </tr>
                            </thead>
                            <tbody>
                                {shown.rows.map((it) => (
                                    <Row key={it.id} delivery={it} endpoint={endpointId ? undefined : (names.get(it.endpointId) ?? (endpoints.data ? "Deleted endpoint" : "…"))} />
                                ))}
                            </tbody>
                        </table>
                    </div>
                </div>
                {log.more && (
                    <p className="more">
                        <button aria-disabled={log.older} onClick={() => void log.loadOlder()}>
                            {log.older ? "Loading…" : "Load older"}
                        </button>
                    </p>
                )}
            </View>
            {resending && <Resend filter={filter} onClose={() => setResending(false)} />}
        </>
    );
}

const LINES: Record<Line, string> = {
    connecting: "Connecting…",
    live: "Live",
    reconnecting: "Reconnecting…",
    paused: "Paused",
    offline: "Offline",
    refused: "Not live",
};

function LineState({ line, at }: { line: Line; at?: Date }) {
    return (
        <span className={`line-state grow ${line}`} role="status">
            <i aria-hidden="true" />
            {LINES[line]}
            {(line === "offline" || line === "paused") && at && `. Showing data from ${clockShort(at)}.`}
        </span>
    );
}

const Row = memo(function Row({ delivery: it, endpoint }: { delivery: Delivery; endpoint?: string }) {
    const answer = it.responseStatus ? String(it.responseStatus) : it.errorCode ? errorWord(it.errorCode) : "";
    return (
        <tr>
            <td>
                <DeliveryBadge status={it.status} />
            </td>
            <td className="grow">
                <Link className="row-link" href={`/deliveries/${it.id}`}>
                    <code>{it.event}</code>
                </Link>
                {it.test && <span className="pill">test</span>}
                <span className="under narrow">
                    {it.createdAt && <Ago at={it.createdAt} />}
                    {[endpoint, answer].map((text) => text && ` · ${text}`)}
                </span>
            </td>
            {endpoint && (
                <td className="wide clip" title={endpoint}>
                    {endpoint}
                </td>
            )}
            <td className="wide clip">{answer || <span className="muted">–</span>}</td>
            <td className="wide mid">
                {it.attemptCount} of {it.maxAttempts}
            </td>
            <td className="wide mid num">{it.durationMs === undefined ? <span className="muted">–</span> : millis(it.durationMs)}</td>
            <td className="wide">
                {it.nextAttemptAt && (it.status === DeliveryStatus.RETRYING || it.status === DeliveryStatus.PENDING) ? (
                    <Countdown to={it.nextAttemptAt} />
                ) : (
                    <span className="muted">–</span>
                )}
            </td>
            <td className="wide num">{it.createdAt && <Ago at={it.createdAt} />}</td>
        </tr>
    );
});
