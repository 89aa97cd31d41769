// Bulk resend: first the count, then the job and its progress.

import { useEffect, useState } from "react";
import { call } from "../api";
import { DeliveryService, DeliveryStatus, type Resend as Job } from "../gen/inboxops/v1/deliveries_pb";
import { useAct } from "../kit/act";
import { Confirm, Dialog } from "../kit/dialog";
import { count, number } from "../kit/time";
import { Trouble } from "../kit/view";
import { request, type Filter } from "./filter";

const POLL_MS = 700;
const AGAIN = [DeliveryStatus.FAILED, DeliveryStatus.CANCELED];

export function Resend({ filter, onClose }: { filter: Filter; onClose: () => void }) {
    const [job, setJob] = useState<Job>();
    const [found, setFound] = useState<Job>();
    const { event, createdSince } = request(filter);
    const chosen = filter.status.filter((it) => AGAIN.includes(it));
    const send = (dryRun: boolean) =>
        call(DeliveryService.method.resendDeliveries, {
            endpointId: filter.endpointId || undefined,
            status: chosen.length ? chosen : AGAIN,
            event,
            createdSince,
            dryRun,
        });
    const counting = useAct(async () => setFound((await send(true)).resend));
    const starting = useAct(async () => setJob((await send(false)).resend));
    useEffect(() => void counting.run(), []);
    useEffect(() => {
        if (!job || job.done) return;
        const timer = setTimeout(async () => {
            const next = await call(DeliveryService.method.getResend, { resendId: job.id ?? "" }).catch(() => undefined);
            setJob((it) => next?.resend ?? (it && { ...it }));
        }, POLL_MS);
        return () => clearTimeout(timer);
    }, [job]);
    if (job) {
        return (
            <Dialog title="Resending" onClose={onClose}>
                <p role="status">
                    {job.done ? "Done: " : ""}
                    {number(job.resent)} of {count(job.matched, "delivery", "deliveries")} scheduled.{!job.done && " This goes on without the window."}
                </p>
                <progress max={Math.max(1, job.matched)} value={job.resent} aria-label="Deliveries scheduled" />
                <div className="buttons">
                    <button className="primary" onClick={onClose} autoFocus>
                        {job.done ? "Done" : "Close"}
                    </button>
                </div>
            </Dialog>
        );
    }
    const none = found?.matched === 0;
    const failure = starting.failure ?? counting.failure;
    const be = found && found.matched > 1 ? "were" : "was";
    const words = chosen.length === 1 ? (chosen[0] === DeliveryStatus.FAILED ? "failed" : `${be} canceled`) : `failed or ${be} canceled`;
    const scope = filter.endpointId || event.length || createdSince ? " that the filters keep" : "";
    return (
        <Confirm
            title={none ? "Nothing to resend" : "Resend failed deliveries?"}
            action={none ? undefined : found ? `Resend ${number(found.matched)}` : "Resend"}
            cancel={none ? "Close" : undefined}
            busy={starting.busy}
            disabled={!found?.matched}
            onConfirm={() => void starting.run()}
            onClose={onClose}
        >
            {failure && <Trouble failure={failure} />}
            <p role="status">
                {!found
                    ? failure
                        ? ""
                        : "Counting…"
                    : found.matched === 0
                      ? `No delivery${scope} ${words}.`
                      : `${found.more ? "More than " : ""}${count(found.matched, "delivery", "deliveries")}${scope} ${words}. Sent oldest first, each with a new set of retries; what is for a paused endpoint waits until it is enabled.`}
            </p>
        </Confirm>
    );
}
