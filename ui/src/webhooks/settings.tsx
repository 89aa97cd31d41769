// Changing an endpoint, and deleting it.

import { useState } from "react";
import { call, refresh } from "../api";
import { type WebhookEndpoint, WebhookService } from "../gen/inboxops/v1/webhooks_pb";
import { useAct } from "../kit/act";
import { say } from "../kit/toast";
import { useGate } from "../kit/gate";
import { useSession } from "../session/session";
import { DeleteEndpoint } from "./delete";
import { EndpointForm, payloadOf, rateOf, type Draft } from "./form";

export function EndpointSettings({ endpoint }: { endpoint: WebhookEndpoint }) {
    const session = useSession();
    const gate = useGate();
    const [deleting, setDeleting] = useState(false);
    // The initial values: a reload in the background never changes what somebody is typing.
    const [first, setFirst] = useState(endpoint);
    const { run, busy, failure } = useAct(async (draft: Draft) => {
        const paths = ["url", "description", "events", "inbox_ids", "rate_per_second", "payload", ...(draft.headers ? ["headers"] : [])];
        const { endpoint: after } = await call(WebhookService.method.updateWebhookEndpoint, {
            endpointId: endpoint.id,
            endpoint: {
                url: draft.url,
                description: draft.description.trim() || undefined,
                events: draft.events,
                inboxIds: draft.inboxIds,
                ratePerSecond: rateOf(draft.rate),
                payload: payloadOf(draft),
                headers: draft.headers ?? [],
            },
            updateMask: { paths },
        });
        if (after) setFirst(after);
        await refresh(WebhookService.method.getWebhookEndpoint, WebhookService.method.listWebhookEndpoints);
        say("Saved. New events use these settings.");
    });
    if (gate) return session?.admin ? null : gate;
    return (
        <>
            <EndpointForm
                key={String(first.updatedAt?.seconds) + String(first.updatedAt?.nanos)}
                endpoint={first}
                action="Save"
                busy={busy}
                failure={failure}
                saved={false}
                onSubmit={(draft) => void run(draft)}
            />
            <section className="sheet danger-zone" aria-labelledby="delete">
                <h2 id="delete">Delete endpoint</h2>
                <p>InboxOps stops sending to it and deletes its deliveries.</p>
                <button className="danger" onClick={() => setDeleting(true)}>
                    Delete endpoint…
                </button>
            </section>
            {deleting && <DeleteEndpoint endpoint={endpoint} onClose={() => setDeleting(false)} />}
        </>
    );
}
