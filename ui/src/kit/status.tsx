// States as icon and word, never as a colour alone.

import { DeliveryStatus } from "../gen/inboxops/v1/deliveries_pb";
import { EndpointStatus, type WebhookEndpoint } from "../gen/inboxops/v1/webhooks_pb";
import { Icon, type IconName } from "./icon";
import { span } from "./time";

export type Tone = "ok" | "busy" | "bad" | "calm";

export function Badge({ icon, tone, children }: { icon: IconName; tone: Tone; children: string }) {
    return (
        <span className={`badge ${tone}`}>
            <Icon name={icon} />
            {children}
        </span>
    );
}

const DELIVERY: Record<DeliveryStatus, [string, IconName, Tone]> = {
    [DeliveryStatus.UNSPECIFIED]: ["Unknown", "clock", "calm"],
    [DeliveryStatus.PENDING]: ["Pending", "clock", "calm"],
    [DeliveryStatus.RETRYING]: ["Retrying", "retry", "busy"],
    [DeliveryStatus.DELIVERED]: ["Delivered", "check", "ok"],
    [DeliveryStatus.FAILED]: ["Failed", "cross", "bad"],
    [DeliveryStatus.PAUSED]: ["Paused", "pause", "calm"],
    [DeliveryStatus.CANCELED]: ["Canceled", "stop", "calm"],
};

export const deliveryWord = (status: DeliveryStatus) => DELIVERY[status][0];

export function DeliveryBadge({ status }: { status: DeliveryStatus }) {
    const [word, icon, tone] = DELIVERY[status];
    return (
        <Badge icon={icon} tone={tone}>
            {word}
        </Badge>
    );
}

const ENDPOINT: Record<EndpointStatus, [string, IconName, Tone]> = {
    [EndpointStatus.UNSPECIFIED]: ["Unknown", "clock", "calm"],
    [EndpointStatus.ACTIVE]: ["Enabled", "check", "ok"],
    [EndpointStatus.PAUSED]: ["Paused by you", "pause", "calm"],
    [EndpointStatus.FAILING]: ["Failing", "warn", "busy"],
    [EndpointStatus.DISABLED]: ["Disabled after failures", "cross", "bad"],
    [EndpointStatus.NOT_ENTITLED]: ["Not in your plan", "lock", "calm"],
};

export function EndpointBadge({ endpoint }: { endpoint: WebhookEndpoint }) {
    const [word, icon, tone] = ENDPOINT[endpoint.status];
    const { backlog } = endpoint;
    return (
        <>
            <Badge icon={icon} tone={tone}>
                {word}
            </Badge>{" "}
            {backlog?.behind && (
                <Badge icon="clock" tone="busy">
                    {`Behind, about ${span(backlog.behindSeconds)}`}
                </Badge>
            )}
        </>
    );
}
