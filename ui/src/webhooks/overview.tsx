// The health of an endpoint: its facts, its last day and week, its failures, and the code that verifies its requests.

import { useQuery } from "@connectrpc/connect-query";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { useState } from "react";
import { type AttemptStats, DeliveryService, DeliveryStatus } from "../gen/inboxops/v1/deliveries_pb";
import { InboxService } from "../gen/inboxops/v1/inboxes_pb";
import type { WebhookEndpoint } from "../gen/inboxops/v1/webhooks_pb";
import { Bars } from "../kit/bars";
import { Copy } from "../kit/copy";
import { Link } from "../kit/link";
import { DeliveryBadge } from "../kit/status";
import { Ago, Day, clockShort, count, day, millis, number } from "../kit/time";
import { View } from "../kit/view";
import { useSession } from "../session/session";
import { errorWord } from "../deliveries/words";
import { Recover } from "./recover";
import { SigningSecret } from "./rotation";
import { Snippets } from "./snippets";
import { httpStatus } from "./words";

const REFRESH_MS = 10_000;
const FAILURES_SHOWN = 5;

export function Overview({ endpoint }: { endpoint: WebhookEndpoint }) {
    const session = useSession();
    return (
        <>
            <Facts endpoint={endpoint} />
            <Numbers id={endpoint.id} />
            <Failures endpoint={endpoint} />
            <SigningSecret endpoint={endpoint} />
            <Snippets />
            {session?.manages && <Recover endpoint={endpoint} />}
        </>
    );
}

function Facts({ endpoint }: { endpoint: WebhookEndpoint }) {
    const inboxes = useQuery(InboxService.method.listInboxes, { perPage: 100 }, { enabled: endpoint.inboxIds.length > 0 });
    const names = endpoint.inboxIds.map((id) => inboxes.data?.inboxes.find((it) => it.id === id)?.name ?? "an inbox that is gone");
    return (
        <dl className="facts">
            <div className="whole">
                <dt>URL</dt>
                <dd className="id">
                    <code>{endpoint.url}</code>
                    <Copy text={endpoint.url} what="URL" />
                </dd>
            </div>
            <div className={endpoint.events.includes("*") ? undefined : "whole"}>
                <dt>Events</dt>
                <dd>
                    {endpoint.events.includes("*")
                        ? "All events"
                        : endpoint.events.map((it) => (
                              <code key={it} className="pill">
                                  {it}
                              </code>
                          ))}
                </dd>
            </div>
            <div>
                <dt>Signing secret</dt>
                <dd>
                    <code>whsec_…{endpoint.secretHint}</code>
                </dd>
            </div>
            <div>
                <dt>Inboxes</dt>
                <dd>{names.length ? names.join(", ") : "All"}</dd>
            </div>
            <div>
                <dt>Rate</dt>
                <dd>{endpoint.ratePerSecond ? `At most ${number(endpoint.ratePerSecond)} a second` : "No limit"}</dd>
            </div>
            <div>
                <dt>Custom headers</dt>
                <dd>
                    {endpoint.headers.length
                        ? endpoint.headers.map((it) => (
                              <code key={it.name} className="pill">
                                  {it.name}
                              </code>
                          ))
                        : "None"}
                </dd>
            </div>
            <div>
                <dt>Waiting</dt>
                <dd>
                    {number(endpoint.backlog?.waiting ?? 0)}
                    {endpoint.backlog?.oldestAt && (
                        <>
                            , the oldest <Ago at={endpoint.backlog.oldestAt} />
                        </>
                    )}
                </dd>
            </div>
            <div>
                <dt>Added</dt>
                <dd>{endpoint.createdAt && <Day at={endpoint.createdAt} />}</dd>
            </div>
        </dl>
    );
}

function Numbers({ id }: { id: string }) {
    const stats = useQuery(DeliveryService.method.getDeliveryStats, { endpointId: id }, { refetchInterval: REFRESH_MS });
    const own = stats.data?.endpoints[0];
    return (
        <section aria-label="Attempts">
            <View query={stats} what="the numbers">
                <div className="cards">
                    {own?.last24Hours && <Span title="Last 24 hours" stats={own.last24Hours} say={clockShort} />}
                    {own?.last7Days && <Span title="Last 7 days" stats={own.last7Days} say={day} />}
                </div>
            </View>
        </section>
    );
}

function Span({ title, stats, say }: { title: string; stats: AttemptStats; say: (at: Date) => string }) {
    const [table, setTable] = useState(false);
    const sum = stats.succeeded + stats.failed;
    const share = sum ? `${((stats.succeeded / sum) * 100).toFixed(stats.failed && stats.succeeded ? 1 : 0)}% succeeded` : "";
    const begin = stats.buckets[0]?.start;
    return (
        <section className="card" aria-label={title}>
            <div className="bar">
                <h2 className="grow">{title}</h2>
                <button className="small" aria-pressed={table} onClick={() => setTable(!table)}>
                    {table ? "Show as bars" : "Show as table"}
                </button>
            </div>
            <p className="figure">
                {count(sum, "attempt")} <span className="muted">{share}</span>
            </p>
            {table ? (
                <div className="table low" role="region" aria-label={`${title} as a table`} tabIndex={0}>
                    <table>
                        <thead>
                            <tr>
                                <th scope="col">From</th>
                                <th scope="col" className="num">
                                    Succeeded
                                </th>
                                <th scope="col" className="num">
                                    Failed
                                </th>
                            </tr>
                        </thead>
                        <tbody>
                            {stats.buckets.toReversed().map((it, i) => (
                                <tr key={i}>
                                    <td>{it.start && say(timestampDate(it.start))}</td>
                                    <td className="num">{number(it.succeeded)}</td>
                                    <td className="num">{number(it.failed)}</td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                </div>
            ) : (
                <>
                    <Bars buckets={stats.buckets} height={64} label={`${title}: ${number(stats.succeeded)} succeeded, ${number(stats.failed)} failed`} />
                    <p className="bar">
                        <small className="grow">{begin && say(timestampDate(begin))}</small>
                        <small>now</small>
                    </p>
                </>
            )}
            <p className="fine">
                {stats.medianMs !== undefined && stats.p95Ms !== undefined
                    ? `Median about ${millis(stats.medianMs)}, 95% within ${millis(stats.p95Ms)}`
                    : "No answers yet."}
            </p>
        </section>
    );
}

function Failures({ endpoint: { id, disabledReason } }: { endpoint: WebhookEndpoint }) {
    // Failures from before InboxOps disabled the endpoint wait until it is enabled again.
    const status = [DeliveryStatus.FAILED, DeliveryStatus.RETRYING, ...(disabledReason ? [DeliveryStatus.PAUSED] : [])];
    const failures = useQuery(
        DeliveryService.method.listDeliveries,
        { endpointId: id, status, perPage: FAILURES_SHOWN },
        { refetchInterval: REFRESH_MS },
    );
    const rows = failures.data?.deliveries.filter((it) => it.attemptCount > 0) ?? [];
    return (
        <section aria-labelledby="failures">
            <div className="bar">
                <h2 id="failures" className="grow">
                    Recent failures
                </h2>
                {rows.length > 0 && <Link href={`/settings/webhooks/${id}/deliveries?status=retrying,failed${disabledReason ? ",paused" : ""}`}>View all</Link>}
            </div>
            <View query={failures} what="failures" empty={rows.length === 0 && <p className="muted">No recent failures.</p>}>
                <ul className="lines">
                    {rows.map((it) => (
                        <li key={it.id}>
                            <DeliveryBadge status={it.status} />
                            <Link href={`/deliveries/${it.id}`}>
                                <code>{it.event}</code>
                            </Link>
                            <span className="grow muted">
                                {it.responseStatus ? httpStatus(it.responseStatus) : it.errorCode ? errorWord(it.errorCode) : ""}
                            </span>
                            {it.createdAt && <Ago at={it.createdAt} />}
                        </li>
                    ))}
                </ul>
            </View>
        </section>
    );
}
