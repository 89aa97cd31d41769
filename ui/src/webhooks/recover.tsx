// Recovery of missed events: deliveries for everything since a time that the endpoint did not get.

import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useEffect, useState } from "react";
import { call } from "../api";
import { Failure } from "../failure";
import { EndpointStatus, type Recovery, type WebhookEndpoint, WebhookService } from "../gen/inboxops/v1/webhooks_pb";
import { useAct } from "../kit/act";
import { Confirm } from "../kit/dialog";
import { Field } from "../kit/field";
import { count, number } from "../kit/time";
import { Trouble } from "../kit/view";

const SPANS = { "The last hour": 1, "The last 24 hours": 24, "The last 3 days": 72, "The last 7 days": 168, "The last 30 days": 720 };
const HOUR_MS = 3_600_000;
const POLL_MS = 1_000;

export function Recover({ endpoint }: { endpoint: WebhookEndpoint }) {
    const [open, setOpen] = useState(false);
    const [job, setJob] = useState<Recovery>();
    useEffect(() => {
        if (!job || job.done) return;
        const timer = setTimeout(async () => {
            const next = await call(WebhookService.method.getRecovery, { endpointId: endpoint.id, recoveryId: job.id ?? "" }).catch(() => undefined);
            setJob((it) => next?.recovery ?? (it && { ...it }));
        }, POLL_MS);
        return () => clearTimeout(timer);
    }, [job]);
    return (
        <section aria-labelledby="recover">
            <div className="bar">
                <h2 id="recover" className="grow">
                    Missed events
                </h2>
                <button onClick={() => setOpen(true)}>Recover missed events…</button>
            </div>
            <p role="status">
                {job
                    ? `${job.done ? "Done" : "Running"}: ${number(job.created)} of ${count(job.matched, "delivery", "deliveries")} made.`
                    : "After an outage: sends events that failed, were canceled, or happened while the endpoint was off."}
            </p>
            {open && (
                <Ask
                    endpoint={endpoint}
                    onClose={() => setOpen(false)}
                    onStart={(started) => {
                        setOpen(false);
                        setJob(started);
                    }}
                />
            )}
        </section>
    );
}

function Ask({ endpoint, onClose, onStart }: { endpoint: WebhookEndpoint; onClose: () => void; onStart: (job: Recovery) => void }) {
    const [hours, setHours] = useState(24);
    const [now] = useState(() => Date.now());
    const [matched, setMatched] = useState<number>();
    const since = timestampFromDate(new Date(now - hours * HOUR_MS));
    const recover = (dryRun: boolean) => call(WebhookService.method.recoverDeliveries, { endpointId: endpoint.id, since, dryRun });
    const [uncounted, setUncounted] = useState<Failure>();
    const starting = useAct(async () => {
        const { recovery } = await recover(false);
        if (recovery) onStart(recovery);
    });
    useEffect(() => {
        // Show only the count of the selected period: it is what would be sent.
        let shown = true;
        setMatched(undefined);
        setUncounted(undefined);
        recover(true).then(
            ({ recovery }) => shown && setMatched(recovery?.matched),
            (error) => shown && setUncounted(Failure.of(error)),
        );
        return () => void (shown = false);
    }, [hours]);
    const failure = starting.failure ?? uncounted;
    const on = endpoint.status === EndpointStatus.ACTIVE || endpoint.status === EndpointStatus.FAILING;
    return (
        <Confirm
            title="Recover missed events"
            action={matched ? `Send ${count(matched, "event")}` : "Send"}
            busy={starting.busy}
            disabled={!matched}
            onConfirm={() => void starting.run()}
            onClose={onClose}
        >
            {failure && <Trouble failure={failure} />}
            <Field label="Events from">
                {(props) => (
                    <select {...props} value={String(hours)} onChange={(event) => setHours(Number(event.currentTarget.value))}>
                        {Object.entries(SPANS).map(([label, value]) => (
                            <option key={value} value={value}>
                                {label}
                            </option>
                        ))}
                    </select>
                )}
            </Field>
            <p role="status">
                {matched === undefined
                    ? !uncounted && "Counting…"
                    : matched === 0
                      ? "Nothing was missed."
                      : `${count(matched, "event was", "events were")} never delivered and will not be retried. Sent as fast as the endpoint allows${on ? "" : ", once it is enabled"}.`}
            </p>
        </Confirm>
    );
}
