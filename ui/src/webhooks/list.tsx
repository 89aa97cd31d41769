// The endpoints of the workspace: their health and their actions.

import { useQuery } from "@connectrpc/connect-query";
import { useState } from "react";
import { call, refresh } from "../api";
import { type DeliveryStats, DeliveryService } from "../gen/inboxops/v1/deliveries_pb";
import { EndpointStatus, type WebhookEndpoint, WebhookService } from "../gen/inboxops/v1/webhooks_pb";
import { Bars } from "../kit/bars";
import { Icon } from "../kit/icon";
import { Link } from "../kit/link";
import { Menu } from "../kit/menu";
import { Page } from "../kit/page";
import { navigate } from "../kit/route";
import { EndpointBadge } from "../kit/status";
import { Ago, number } from "../kit/time";
import { say } from "../kit/toast";
import { useAct } from "../kit/act";
import { Gate } from "../kit/gate";
import { Empty, Trouble, View } from "../kit/view";
import { useSession } from "../session/session";
import { DeleteEndpoint } from "./delete";
import { TestEvent } from "./test_event";
import { endpointName, eventsInWords, httpStatus } from "./words";

const PER_PAGE = 100;
const REFRESH_MS = 15_000;

const HEAD = ["Endpoint", "Events", "Status", "Last 24 h", "Last delivery"];

export function Webhooks() {
    const session = useSession();
    const list = useQuery(WebhookService.method.listWebhookEndpoints, { perPage: PER_PAGE }, { refetchInterval: REFRESH_MS });
    const stats = useQuery(DeliveryService.method.getDeliveryStats, {}, { refetchInterval: REFRESH_MS });
    const [testing, setTesting] = useState<WebhookEndpoint>();
    const [deleting, setDeleting] = useState<WebhookEndpoint>();
    const { run: toggle, failure } = useAct(setEnabled);
    const endpoints = list.data?.endpoints ?? [];
    const gated = session && !session.webhooks;
    const add = session?.manages && (
        <button className="primary" onClick={() => navigate("/settings/webhooks/new")}>
            Add endpoint
        </button>
    );
    const disabled = endpoints.filter((it) => it.status === EndpointStatus.DISABLED);
    return (
        <Page
            title="Webhooks"
            lead={
                <>
                    InboxOps sends a signed request to each endpoint for the events it subscribes to. <a href="/docs/webhooks">Guide</a>
                </>
            }
            actions={list.data && endpoints.length > 0 && add}
        >
            {failure && <Trouble failure={failure} />}
            {disabled.map((it) => (
                <Disabled key={it.id} endpoint={it} enable={session?.manages ? () => void toggle(it, true) : undefined} />
            ))}
            {gated && endpoints.length > 0 && <Gate banner />}
            <View
                query={list}
                what="endpoints"
                empty={
                    endpoints.length === 0 &&
                    (gated ? (
                        <Gate />
                    ) : (
                        <Empty title="No endpoints yet." actions={add}>
                            Add an endpoint to receive ticket and message events in your own system.
                        </Empty>
                    ))
                }
            >
                <div className="table" role="region" aria-label="Endpoints" tabIndex={0}>
                    <table>
                        <thead>
                            <tr>
                                {HEAD.map((it, i) => (
                                    <th key={it} scope="col" className={i ? "wide" : undefined}>
                                        {it}
                                    </th>
                                ))}
                                <th>
                                    <span className="hidden">Actions</span>
                                </th>
                            </tr>
                        </thead>
                        <tbody>
                            {endpoints.map((it) => (
                                <tr key={it.id}>
                                    <td className="grow">
                                        <Link className="row-link" href={`/settings/webhooks/${it.id}`}>
                                            {endpointName(it)}
                                        </Link>
                                        <code className="under">{it.url}</code>
                                        <span className="narrow">
                                            <EndpointBadge endpoint={it} /> <Last endpoint={it} />
                                        </span>
                                    </td>
                                    <td className="wide">{eventsInWords(it.events)}</td>
                                    <td className="wide">
                                        <EndpointBadge endpoint={it} />
                                    </td>
                                    <td className="wide">
                                        <Day stats={stats.data?.endpoints.find((of) => of.endpointId === it.id)} />
                                    </td>
                                    <td className="wide">
                                        <Last endpoint={it} />
                                    </td>
                                    <td className="end">
                                        {session?.manages && (
                                            <Menu
                                                label={`Actions for ${endpointName(it)}`}
                                                items={[
                                                    { label: "Send test event", act: () => setTesting(it) },
                                                    it.enabled && !it.disabledReason
                                                        ? { label: "Pause", act: () => void toggle(it, false) }
                                                        : { label: "Resume", act: () => void toggle(it, true) },
                                                    { label: "Delete…", danger: true, act: () => setDeleting(it) },
                                                ]}
                                            />
                                        )}
                                    </td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                </div>
                {session?.webhooks && (
                    <p className="fine">
                        {number(list.data?.meta?.total ?? 0)} of {number(session.endpointsMax)} endpoints used.
                    </p>
                )}
            </View>
            {testing && <TestEvent endpoint={testing} onClose={() => setTesting(undefined)} />}
            {deleting && <DeleteEndpoint endpoint={deleting} onClose={() => setDeleting(undefined)} />}
        </Page>
    );
}

export async function setEnabled(endpoint: WebhookEndpoint, enabled: boolean) {
    await call(WebhookService.method.updateWebhookEndpoint, { endpointId: endpoint.id, endpoint: { enabled }, updateMask: { paths: ["enabled"] } });
    await refresh(WebhookService.method.listWebhookEndpoints, WebhookService.method.getWebhookEndpoint);
    say(enabled ? `${endpointName(endpoint)} gets events again.` : `${endpointName(endpoint)} is paused. Nothing is sent to it.`);
}

interface DisabledProps {
    endpoint: WebhookEndpoint;
    enable?: () => void;
    /** On the endpoint's own page. */
    inside?: boolean;
    /** On the list of its deliveries. */
    reviewed?: boolean;
}

export function Disabled({ endpoint, enable, inside, reviewed }: DisabledProps) {
    return (
        <div className="banner bad" role="alert">
            <div className="grow">
                <p>
                    <strong>{inside ? "This endpoint was disabled." : `${endpointName(endpoint)} was disabled.`}</strong> {endpoint.disabledReason} New events are not sent to it until it is enabled.
                </p>
            </div>
            <div className="actions">
                {!reviewed && (
                    <Link className="button" href={`/settings/webhooks/${endpoint.id}/deliveries?status=retrying,failed,paused`}>
                        Review failures
                    </Link>
                )}
                {enable && <button onClick={enable}>Enable</button>}
            </div>
        </div>
    );
}

function Day({ stats }: { stats?: DeliveryStats }) {
    const day = stats?.last24Hours;
    if (!day) return <span className="muted">–</span>;
    if (day.succeeded + day.failed === 0) return <span className="muted">Nothing sent</span>;
    const words = `${number(day.succeeded)} ok${day.failed ? `, ${number(day.failed)} failed` : ""}`;
    return (
        <span className="spark">
            <Bars buckets={day.buckets} label={`Attempts of the last 24 hours: ${words}`} />
            <small>{words}</small>
        </span>
    );
}

function Last({ endpoint: { lastDelivery: last } }: { endpoint: WebhookEndpoint }) {
    if (!last?.at) return <span className="muted">Never</span>;
    const ok = last.responseStatus !== undefined && last.responseStatus < 300;
    return (
        <Link className={`last ${ok ? "ok" : "bad"}`} href={`/deliveries/${last.id}`}>
            <Icon name={ok ? "check" : "cross"} />
            <span title={last.responseStatus ? httpStatus(last.responseStatus) : undefined}>{last.responseStatus ?? "No answer"}</span>
            <span className="muted">
                <Ago at={last.at} />
            </span>
        </Link>
    );
}
