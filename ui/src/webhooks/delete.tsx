// Deleting an endpoint, after its host was typed.

import { useState } from "react";
import { call, refresh } from "../api";
import { type WebhookEndpoint, WebhookService } from "../gen/inboxops/v1/webhooks_pb";
import { useAct } from "../kit/act";
import { Confirm } from "../kit/dialog";
import { Text } from "../kit/field";
import { navigate, leaveUnasked } from "../kit/route";
import { say } from "../kit/toast";
import { Trouble } from "../kit/view";
import { endpointName, host } from "./words";

export function DeleteEndpoint({ endpoint, onClose }: { endpoint: WebhookEndpoint; onClose: () => void }) {
    const [typed, setTyped] = useState("");
    const wanted = host(endpoint.url);
    const { run, busy, failure } = useAct(async () => {
        await call(WebhookService.method.deleteWebhookEndpoint, { endpointId: endpoint.id });
        onClose();
        leaveUnasked();
        navigate("/settings/webhooks");
        say(`${endpointName(endpoint)} is deleted.`);
        await refresh(WebhookService.method.listWebhookEndpoints);
    });
    return (
        <Confirm title="Delete this endpoint?" action="Delete endpoint" danger busy={busy} disabled={typed.trim() !== wanted} onConfirm={() => void run()} onClose={onClose}>
            {failure && <Trouble failure={failure} />}
            <p>
                Nothing more is sent to <code>{endpoint.url}</code>. Its deliveries and their attempts are deleted with it. This cannot be undone.
            </p>
            <Text label={`Type ${wanted} to confirm`} value={typed} onChange={setTyped} autoComplete="off" spellCheck="false" autoFocus />
        </Confirm>
    );
}
