// The signing secret and its rotation in steps, so that no request fails.

import { useState } from "react";
import { call, refresh } from "../api";
import { SecretStage, type WebhookEndpoint, WebhookService } from "../gen/inboxops/v1/webhooks_pb";
import { useAct } from "../kit/act";
import { Confirm } from "../kit/dialog";
import { SecretOnce } from "../kit/secret";
import { Countdown } from "../kit/time";
import { say } from "../kit/toast";
import { Trouble } from "../kit/view";
import { useSession } from "../session/session";

interface Made {
    secret: string;
    /** The old one is worth nothing any more. */
    immediate: boolean;
}

const reload = () => refresh(WebhookService.method.getWebhookEndpoint, WebhookService.method.listWebhookEndpoints);

export function SigningSecret({ endpoint }: { endpoint: WebhookEndpoint }) {
    const session = useSession();
    const [asking, setAsking] = useState(false);
    const [made, setMade] = useState<Made>();
    const promote = useAct(async () => {
        await call(WebhookService.method.promoteSecret, { endpointId: endpoint.id });
        await reload();
        say("The new secret is in use.");
    });
    const { rotation } = endpoint;
    return (
        <section aria-labelledby="signing">
            <div className="bar">
                <h2 id="signing" className="grow">
                    Signing secret
                </h2>
                {session?.manages && <button onClick={() => setAsking(true)}>{rotation?.stage === SecretStage.PROMOTED ? "Replace at once…" : "Rotate secret…"}</button>}
            </div>
            {promote.failure && <Trouble failure={promote.failure} />}
            {!rotation && (
                <p>
                    Requests are signed with <code>whsec_…{endpoint.secretHint}</code>.
                </p>
            )}
            {rotation && (
                <ol className="steps">
                    <li className="done">
                        <strong>New secret created.</strong> <code>webhook-signature</code> carries a signature of the old{" "}
                        <code>whsec_…{rotation.oldSecretHint}</code> and one of the new <code>whsec_…{rotation.newSecretHint}</code>.
                    </li>
                    <li className={rotation.stage === SecretStage.PROMOTED ? "done" : "now"}>
                        {rotation.stage === SecretStage.PROMOTED ? (
                            <>
                                <strong>New secret promoted.</strong> <code>X-InboxOps-Signature</code> is made with the new one.
                            </>
                        ) : (
                            <>
                                <strong>Put the new secret into your server, then promote it.</strong> Until then <code>X-InboxOps-Signature</code> is made
                                with the old one. {rotation.promotesAt && <>If you do nothing, it is promoted automatically <Countdown to={rotation.promotesAt} />.</>}
                                {session?.manages && (
                                    <p>
                                        <button className="primary" aria-disabled={promote.busy} onClick={() => void promote.run()}>
                                            Promote new secret
                                        </button>
                                    </p>
                                )}
                            </>
                        )}
                    </li>
                    <li className={rotation.stage === SecretStage.PROMOTED ? "now" : undefined}>
                        <strong>The old secret ends</strong> {rotation.oldExpiresAt && <Countdown to={rotation.oldExpiresAt} />}
                        {rotation.stage !== SecretStage.PROMOTED && ", or sooner if you promote the new one first"}.
                    </li>
                </ol>
            )}
            {asking && (
                <Rotate
                    endpoint={endpoint}
                    onClose={() => setAsking(false)}
                    onMade={(next) => {
                        setAsking(false);
                        setMade(next);
                    }}
                />
            )}
            {made && (
                <SecretOnce title="Copy your new signing secret" what="secret" secret={made.secret} onClose={() => setMade(undefined)}>
                    <p>
                        {made.immediate
                            ? "Requests are signed with this one only from now on. Put it into your server."
                            : "The old one keeps working meanwhile. Put this one into your server, then promote it here."}
                    </p>
                </SecretOnce>
            )}
        </section>
    );
}

function Rotate({ endpoint, onClose, onMade }: { endpoint: WebhookEndpoint; onClose: () => void; onMade: (made: Made) => void }) {
    // While a replaced secret still signs, there is no room for a third. Read once, since the page updates meanwhile.
    const [underWay] = useState(endpoint.rotation?.stage === SecretStage.PROMOTED);
    const staged = endpoint.rotation?.stage === SecretStage.STAGED;
    const [immediate, setImmediate] = useState(underWay);
    const { run, busy, failure } = useAct(async () => {
        const response = await call(WebhookService.method.rotateSecret, { endpointId: endpoint.id, immediate });
        onMade({ secret: response.endpoint?.secret ?? "", immediate });
        await reload();
    });
    return (
        <Confirm
            title={underWay ? "Replace the signing secret at once?" : "Rotate the signing secret?"}
            action="Make new secret"
            danger={immediate}
            busy={busy}
            onConfirm={() => void run()}
            onClose={onClose}
        >
            {failure && <Trouble failure={failure} />}
            {underWay ? (
                <p>This ends the rotation in progress and both of its secrets. Your server refuses requests until it has the newest one.</p>
            ) : (
                <div className="radios">
                    <label className="check">
                        <input type="radio" name="how" checked={!immediate} onChange={() => setImmediate(false)} />
                        <span>
                            In steps
                            <small>
                                {staged && "Replaces the new secret that is not promoted yet. "}
                                Requests are signed with both secrets until you promote the new one (24 hours at most). The old one ends 24 hours later.
                                Nothing fails.
                            </small>
                        </span>
                    </label>
                    <label className="check">
                        <input type="radio" name="how" checked={immediate} onChange={() => setImmediate(true)} />
                        <span>
                            At once
                            <small>For a secret that has leaked. The old one ends now; your server refuses requests until it has the new one.</small>
                        </span>
                    </label>
                </div>
            )}
        </Confirm>
    );
}
