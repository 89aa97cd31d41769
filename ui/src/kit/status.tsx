// States as an icon and a word, never only as a colour.

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

/** A state that is known by word, icon and tone. */
const Known = ({ of: [word, icon, tone] }: { of: [string, IconName, Tone] }) => (
    <Badge icon={icon} tone={tone}>
        {word}
    </Badge>
);

export const DeliveryBadge = ({ status }: { status: DeliveryStatus }) => <Known of={DELIVERY[status]} />;

const ENDPOINT: Record<EndpointStatus, [string, IconName, Tone]> = {
    [EndpointStatus.UNSPECIFIED]: ["Unknown", "clock", "calm"],
    [EndpointStatus.ACTIVE]: ["Enabled", "check", "ok"],
    [EndpointStatus.PAUSED]: ["Paused by you", "pause", "calm"],
    [EndpointStatus.FAILING]: ["Failing", "warn", "busy"],
    [EndpointStatus.DISABLED]: ["Disabled after failures", "cross", "bad"],
    [EndpointStatus.NOT_ENTITLED]: ["Not in your plan", "lock", "calm"],
};

export const EndpointBadge = ({ endpoint: { status, backlog } }: { endpoint: WebhookEndpoint }) => (
    <>
        <Known of={ENDPOINT[status]} /> {backlog?.behind && <Known of={[`Behind, about ${span(backlog.behindSeconds)}`, "clock", "busy"]} />}
    </>
);
