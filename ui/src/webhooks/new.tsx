// Adding an endpoint, and showing its signing secret once.

import { useState } from "react";
import { call, refresh } from "../api";
import { type WebhookEndpoint, WebhookService } from "../gen/inboxops/v1/webhooks_pb";
import { useAct } from "../kit/act";
import { Link } from "../kit/link";
import { Page } from "../kit/page";
import { navigate } from "../kit/route";
import { SecretOnce } from "../kit/secret";
import { Gate, useGate } from "../kit/gate";
import { EndpointForm, payloadOf, rateOf, type Draft } from "./form";

export function NewEndpoint() {
    const [made, setMade] = useState<WebhookEndpoint>();
    const { run, busy, failure } = useAct(async (draft: Draft) => {
        const { endpoint } = await call(WebhookService.method.createWebhookEndpoint, {
            url: draft.url,
            description: draft.description.trim() || undefined,
            events: draft.events,
            inboxIds: draft.inboxIds,
            headers: draft.headers ?? [],
            ratePerSecond: rateOf(draft.rate),
            payload: payloadOf(draft),
        });
        setMade(endpoint);
        void refresh(WebhookService.method.listWebhookEndpoints);
    });
    const gate = useGate() ?? (failure?.reason === "ENTITLEMENT_REQUIRED" && <Gate failure={failure} />);
    return (
        <Page title="Add endpoint" back={{ to: "/settings/webhooks", label: "Webhooks" }}>
            {gate || (
                <EndpointForm
                    action="Add endpoint"
                    busy={busy}
                    failure={failure}
                    saved={!!made}
                    onSubmit={(draft) => void run(draft)}
                    cancel={
                        <Link className="button" href="/settings/webhooks">
                            Cancel
                        </Link>
                    }
                />
            )}
            {made && (
                <SecretOnce
                    title="Copy your signing secret"
                    what="secret"
                    secret={made.secret ?? ""}
                    onClose={() => navigate(`/settings/webhooks/${made.id}`, { replace: true })}
                >
                    <p>Your server uses it to check that requests come from InboxOps. The endpoint’s page has code for that.</p>
                </SecretOnce>
            )}
        </Page>
    );
}
