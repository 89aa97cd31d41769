// The filter of the log, in the address bar.

import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Delivery, DeliveryStatus } from "../gen/inboxops/v1/deliveries_pb";

export const STATUSES: [string, DeliveryStatus][] = [
    ["delivered", DeliveryStatus.DELIVERED],
    ["retrying", DeliveryStatus.RETRYING],
    ["failed", DeliveryStatus.FAILED],
    ["pending", DeliveryStatus.PENDING],
    ["paused", DeliveryStatus.PAUSED],
    ["canceled", DeliveryStatus.CANCELED],
];

export const SPANS: [string, string, number][] = [
    ["1h", "Last hour", 3_600_000],
    ["24h", "Last 24 hours", 86_400_000],
    ["7d", "Last 7 days", 604_800_000],
];

export interface Filter {
    status: DeliveryStatus[];
    event: string;
    endpointId: string;
    /** Milliseconds of the epoch. */
    since?: number;
    id: string;
}

export function filterOf(parameters: URLSearchParams, endpointId?: string): Filter {
    const words = parameters.get("status")?.split(",") ?? [];
    const span = SPANS.find(([name]) => name === parameters.get("since"));
    return {
        status: STATUSES.filter(([word]) => words.includes(word)).map(([, status]) => status),
        event: parameters.get("event") ?? "",
        endpointId: endpointId ?? parameters.get("endpoint") ?? "",
        since: span && Date.now() - span[2],
        id: parameters.get("id")?.trim() ?? "",
    };
}

/** What takes every filter out of the address. */
export const NO_FILTER = { status: null, event: null, endpoint: null, since: null, id: null };

export const isOpen = (filter: Filter) => !filter.status.length && !filter.event && !filter.since && !filter.id;

export const fits = (filter: Filter) => (it: Delivery) =>
    (!filter.status.length || filter.status.includes(it.status)) &&
    (!filter.event || it.event === filter.event) &&
    (!filter.endpointId || it.endpointId === filter.endpointId) &&
    (!filter.since || Number(it.createdAt?.seconds ?? 0) * 1_000 >= filter.since) &&
    (!filter.id || it.id === filter.id || it.eventId === filter.id);

const time = (ms?: number) => (ms === undefined ? undefined : timestampFromDate(new Date(ms)));

export const request = (filter: Filter) => ({
    endpointId: filter.endpointId,
    status: filter.status,
    event: filter.event ? [filter.event] : [],
    createdSince: time(filter.since),
    id: filter.id || undefined,
});
