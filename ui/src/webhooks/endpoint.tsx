// One endpoint: its health, its deliveries, its settings.

import { useQuery } from "@connectrpc/connect-query";
import { useState } from "react";
import { Missing } from "../app";
import { DeliveryLog } from "../deliveries/log";
import { Failure } from "../failure";
import { EndpointStatus, WebhookService } from "../gen/inboxops/v1/webhooks_pb";
import { useAct } from "../kit/act";
import { Gate } from "../kit/gate";
import { Link } from "../kit/link";
import { Page } from "../kit/page";
import { EndpointBadge } from "../kit/status";
import { Countdown } from "../kit/time";
import { Trouble, View } from "../kit/view";
import { useSession } from "../session/session";
import { Disabled, setEnabled } from "./list";
import { Overview } from "./overview";
import { EndpointSettings } from "./settings";
import { TestEvent } from "./test_event";
import { endpointName } from "./words";

const REFRESH_MS = 10_000;
const TABS = { overview: "Overview", deliveries: "Deliveries", settings: "Settings" };

export function EndpointPage({ id, tab }: { id: string; tab: string }) {
    const session = useSession();
    const query = useQuery(WebhookService.method.getWebhookEndpoint, { endpointId: id }, { refetchInterval: REFRESH_MS });
    const [testing, setTesting] = useState(false);
    const { run: toggle, failure } = useAct(setEnabled);
    const gone = query.error && ["ENDPOINT_NOT_FOUND", "VALIDATION_FAILED", "INVALID_PARAMETER"].includes(Failure.of(query.error).reason);
    if (gone || !(tab in TABS)) return <Missing what="endpoint" />;
    const endpoint = query.data?.endpoint;
    const name = endpoint ? endpointName(endpoint) : "Endpoint";
    return (
        <Page
            title={name}
            windowTitle={`${name}: ${TABS[tab as keyof typeof TABS]}`}
            back={{ to: "/settings/webhooks", label: "Webhooks" }}
            lead={endpoint && <EndpointBadge endpoint={endpoint} />}
            actions={
                endpoint &&
                session?.manages && (
                    <>
                        {endpoint.status !== EndpointStatus.DISABLED && (
                            <button onClick={() => void toggle(endpoint, !endpoint.enabled)}>{endpoint.enabled ? "Pause endpoint" : "Resume endpoint"}</button>
                        )}
                        <button className={endpoint.status === EndpointStatus.DISABLED ? undefined : "primary"} onClick={() => setTesting(true)}>
                            Send test event
                        </button>
                    </>
                )
            }
        >
            <nav className="tabs line" aria-label="Endpoint">
                {Object.entries(TABS).map(([to, label]) => (
                    <Link
                        key={to}
                        className="tab"
                        href={to === "overview" ? `/settings/webhooks/${id}` : `/settings/webhooks/${id}/${to}`}
                        aria-current={to === tab ? "page" : undefined}
                    >
                        {label}
                    </Link>
                ))}
            </nav>
            {failure && <Trouble failure={failure} />}
            <View query={query} what="the endpoint">
                {endpoint && (
                    <>
                        {endpoint.status === EndpointStatus.NOT_ENTITLED && <Gate banner />}
                        {endpoint.status === EndpointStatus.DISABLED && (
                            <Disabled
                                endpoint={endpoint}
                                inside
                                reviewed={tab === "deliveries"}
                                enable={session?.manages ? () => void toggle(endpoint, true) : undefined}
                            />
                        )}
                        {endpoint.status === EndpointStatus.FAILING && endpoint.failing?.disablesAt && (
                            <div className="banner warn">
                                <p className="grow">
                                    <strong>{endpoint.failing.failuresInRow} attempts failed in a row.</strong> If nothing succeeds, InboxOps disables this
                                    endpoint <Countdown to={endpoint.failing.disablesAt} />.
                                </p>
                                {tab !== "deliveries" && (
                                    <Link className="button" href={`/settings/webhooks/${id}/deliveries?status=retrying,failed`}>
                                        Review failures
                                    </Link>
                                )}
                            </div>
                        )}
                        {tab === "overview" && <Overview endpoint={endpoint} />}
                        {tab === "deliveries" && <DeliveryLog endpointId={id} />}
                        {tab === "settings" && <EndpointSettings endpoint={endpoint} />}
                        {testing && <TestEvent endpoint={endpoint} onClose={() => setTesting(false)} />}
                    </>
                )}
            </View>
        </Page>
    );
}
