// One delivery: its facts, every attempt, the next step, and the payload.

import { useQuery } from "@connectrpc/connect-query";
import { Missing } from "../app";
import { call, refresh } from "../api";
import { Failure } from "../failure";
import { type DeliveryDetail, DeliveryService, DeliveryStatus } from "../gen/inboxops/v1/deliveries_pb";
import { WebhookService } from "../gen/inboxops/v1/webhooks_pb";
import { useAct } from "../kit/act";
import { Id } from "../kit/copy";
import { Link } from "../kit/link";
import { Page } from "../kit/page";
import { DeliveryBadge, deliveryWord } from "../kit/status";
import { Ago, Countdown, count } from "../kit/time";
import { Trouble, View } from "../kit/view";
import { useSession } from "../session/session";
import { endpointName } from "../webhooks/words";
import { Attempts } from "./attempts";
import { Payload } from "./payload";

const SOON_MS = 1_000;
const LATER_MS = 5_000;

/** How long until the next look: often while something is about to happen. */
function pace(delivery?: DeliveryDetail): number | false {
    if (!delivery || (delivery.status !== DeliveryStatus.PENDING && delivery.status !== DeliveryStatus.RETRYING)) return LATER_MS;
    const next = delivery.nextAttemptAt ? Number(delivery.nextAttemptAt.seconds) * 1_000 : 0;
    return next - Date.now() < LATER_MS ? SOON_MS : LATER_MS;
}

export function DeliveryPage({ id }: { id: string }) {
    const session = useSession();
    const query = useQuery(DeliveryService.method.getDelivery, { deliveryId: id }, { refetchInterval: (it) => pace(it.state.data?.delivery) });
    const delivery = query.data?.delivery;
    const endpoint = useQuery(WebhookService.method.getWebhookEndpoint, { endpointId: delivery?.endpointId ?? "" }, { enabled: !!delivery }).data?.endpoint;
    const again = useAct(async () => {
        await call(DeliveryService.method.resendDelivery, { deliveryId: id });
        await refresh(DeliveryService.method.getDelivery);
    });
    const stop = useAct(async () => {
        await call(DeliveryService.method.cancelDelivery, { deliveryId: id });
        await refresh(DeliveryService.method.getDelivery);
    });
    if (query.error && ["DELIVERY_NOT_FOUND", "VALIDATION_FAILED"].includes(Failure.of(query.error).reason)) return <Missing what="delivery" />;
    const failure = again.failure ?? stop.failure;
    return (
        <Page
            title={delivery ? delivery.event : "Delivery"}
            windowTitle={delivery ? `Delivery of ${delivery.event}` : "Delivery"}
            back={{ to: "/settings/deliveries", label: "Deliveries" }}
            lead={
                delivery && (
                    <>
                        <DeliveryBadge status={delivery.status} />
                        {delivery.test && <span className="pill">test</span>}
                    </>
                )
            }
        >
            {failure && <Trouble failure={failure} />}
            <View query={query} what="the delivery">
                {delivery && (
                    <>
                        <dl className="facts">
                            <div className="twice">
                                <dt>Endpoint</dt>
                                <dd>
                                    <Link href={`/settings/webhooks/${delivery.endpointId}`}>{endpoint ? endpointName(endpoint) : "…"}</Link>
                                    {endpoint && <code className="under">{endpoint.url}</code>}
                                </dd>
                            </div>
                            <div>
                                <dt>Delivery</dt>
                                <dd>
                                    <Id value={delivery.id} what="delivery id" />
                                </dd>
                            </div>
                            <div>
                                <dt>Event</dt>
                                <dd>
                                    <Id value={delivery.eventId} what="event id" />
                                </dd>
                            </div>
                            <div>
                                <dt>Happened</dt>
                                <dd>{delivery.createdAt && <Ago at={delivery.createdAt} />}</dd>
                            </div>
                            {delivery.deliveredAt && (
                                <div>
                                    <dt>Delivered</dt>
                                    <dd>
                                        <Ago at={delivery.deliveredAt} />
                                    </dd>
                                </div>
                            )}
                        </dl>
                        <section aria-labelledby="attempts">
                            <h2 id="attempts">Attempts</h2>
                            <p className="hidden" role="status">
                                {deliveryWord(delivery.status)}, {count(delivery.attempts.length, "attempt")}
                            </p>
                            <Attempts delivery={delivery} url={endpoint?.url}>
                                <Next
                                    delivery={delivery}
                                    resend={session?.manages ? () => void again.run() : undefined}
                                    stop={session?.manages ? () => void stop.run() : undefined}
                                    busy={again.busy || stop.busy}
                                />
                            </Attempts>
                        </section>
                        <Payload delivery={delivery} />
                    </>
                )}
            </View>
        </Page>
    );
}

function Next({ delivery, resend, stop, busy }: { delivery: DeliveryDetail; resend?: () => void; stop?: () => void; busy: boolean }) {
    const waits = delivery.status === DeliveryStatus.PENDING || delivery.status === DeliveryStatus.RETRYING;
    const first = delivery.attempts.length === 0;
    return (
        <li className="next">
            <span className="grow">
                {waits ? (
                    delivery.nextAttemptAt ? (
                        <>
                            {first ? "First attempt " : "Next attempt "}
                            <Countdown to={delivery.nextAttemptAt} />
                        </>
                    ) : (
                        "A request is in progress"
                    )
                ) : delivery.status === DeliveryStatus.PAUSED ? (
                    "Waits until its endpoint is enabled"
                ) : (
                    "No more attempts"
                )}
            </span>
            {resend && delivery.status !== DeliveryStatus.PAUSED && (
                <button aria-disabled={busy} onClick={resend}>
                    {waits ? "Retry now" : "Resend"}
                </button>
            )}
            {stop && (waits || delivery.status === DeliveryStatus.PAUSED) && (
                <button aria-disabled={busy} onClick={stop}>
                    {waits ? "Stop retrying" : "Cancel delivery"}
                </button>
            )}
        </li>
    );
}
