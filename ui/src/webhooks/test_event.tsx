// A test event: choose a type, see the request, send it, see the response.

import { useQuery } from "@connectrpc/connect-query";
import { useEffect, useRef, useState } from "react";
import { call, refresh } from "../api";
import { type DeliveryDetail, DeliveryService, DeliveryStatus } from "../gen/inboxops/v1/deliveries_pb";
import { type WebhookEndpoint, WebhookService } from "../gen/inboxops/v1/webhooks_pb";
import { useAct } from "../kit/act";
import { Block } from "../kit/copy";
import { Dialog } from "../kit/dialog";
import { Field } from "../kit/field";
import { Icon } from "../kit/icon";
import { Json, pretty } from "../kit/json";
import { Link } from "../kit/link";
import { millis } from "../kit/time";
import { Trouble, View } from "../kit/view";
import { host, httpStatus } from "./words";

const POLL_MS = 250;
/** The longest a request may take, and a little. */
const PATIENCE_MS = 40_000;

export function TestEvent({ endpoint, onClose }: { endpoint: WebhookEndpoint; onClose: () => void }) {
    const types = useQuery(WebhookService.method.listEventTypes, {}, { staleTime: Infinity });
    const [event, setEvent] = useState("ticket.created");
    const preview = useQuery(WebhookService.method.previewEvent, { endpointId: endpoint.id, event });
    const [result, setResult] = useState<DeliveryDetail>();
    const end = useRef(new AbortController());
    useEffect(() => () => end.current.abort(), []);
    const { run, busy, failure } = useAct(async () => {
        setResult(undefined);
        const { signal } = end.current;
        const sent = await call(WebhookService.method.sendTestEvent, { endpointId: endpoint.id, event }, signal);
        const until = Date.now() + PATIENCE_MS;
        while (!signal.aborted && Date.now() < until) {
            const { delivery } = await call(DeliveryService.method.getDelivery, { deliveryId: sent.delivery!.id }, signal);
            setResult(delivery);
            if (delivery && ended(delivery)) break;
            await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        }
        void refresh(WebhookService.method.listWebhookEndpoints, DeliveryService.method.getDeliveryStats);
    });
    return (
        <Dialog title="Send a test event" onClose={onClose} wide>
            <form
                onSubmit={(submitted) => {
                    submitted.preventDefault();
                    void run();
                }}
            >
                <Field label="Event" hint={types.data?.eventTypes.find((it) => it.name === event)?.description}>
                    {(props) => (
                        <select {...props} value={event} onChange={(changed) => setEvent(changed.currentTarget.value)}>
                            {(types.data?.eventTypes ?? [{ name: event }]).map(({ name }) => (
                                <option key={name}>{name}</option>
                            ))}
                        </select>
                    )}
                </Field>
                <View query={preview} what="the preview">
                    {preview.data && (
                        <Block text={preview.data.body} label="Body that is sent" bar={<span className="grow">Sample of the body</span>}>
                            <Json text={pretty(preview.data.body)} />
                        </Block>
                    )}
                </View>
                <div className="result" role="status">
                    {!failure && !(result && ended(result)) && <p className="muted">{busy ? `Sending to ${host(endpoint.url)}…` : "The answer appears here."}</p>}
                    {result && ended(result) && <Result delivery={result} />}
                </div>
                {failure && <Trouble failure={failure} />}
                <div className="buttons">
                    <button type="button" onClick={onClose}>
                        Close
                    </button>
                    <button className="primary" aria-disabled={busy}>
                        {result && !busy ? "Send again" : "Send test event"}
                    </button>
                </div>
            </form>
        </Dialog>
    );
}

const ended = ({ status, attempts }: DeliveryDetail) =>
    (status !== DeliveryStatus.PENDING && status !== DeliveryStatus.RETRYING) || attempts.length > 0;

function Result({ delivery }: { delivery: DeliveryDetail }) {
    const attempt = delivery.attempts.at(-1);
    const ok = delivery.status === DeliveryStatus.DELIVERED;
    return (
        <p className={`outcome ${ok ? "ok" : "bad"}`}>
            <Icon name={ok ? "check" : "cross"} />
            <strong>
                {attempt?.responseStatus ? `${httpStatus(attempt.responseStatus)} in ${millis(attempt.durationMs)}` : (attempt?.error ?? "Not sent")}
            </strong>
            <Link href={`/deliveries/${delivery.id}`}>View delivery</Link>
        </p>
    );
}
