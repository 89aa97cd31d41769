// Endpoints in words.

import type { WebhookEndpoint } from "../gen/inboxops/v1/webhooks_pb";
import { count } from "../kit/time";

export function host(url: string): string {
    try {
        return new URL(url).host;
    } catch {
        return url;
    }
}

export const endpointName = (endpoint: Pick<WebhookEndpoint, "description" | "url">) => endpoint.description || host(endpoint.url);

export function eventsInWords(events: string[]): string {
    if (events.includes("*")) return "All events";
    const groups = events.filter((it) => it.endsWith(".*")).map((it) => it.slice(0, -2));
    const others = events.length - groups.length;
    if (groups.length) return `All ${groups.join(" and ")} events${others ? ` + ${others}` : ""}`;
    if (events.length === 1) return events[0]!;
    return count(events.length, "event");
}

const PHRASES: Record<number, string> = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 301: "Moved Permanently", 302: "Found", 400: "Bad Request",
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict",
    410: "Gone", 413: "Content Too Large", 415: "Unsupported Media Type", 422: "Unprocessable Content", 429: "Too Many Requests",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
};

export const httpStatus = (status: number) => (PHRASES[status] ? `${status} ${PHRASES[status]}` : String(status));
