// The API's types by short names. What openapi.json does not say yet stands here by hand. A member or a schema that it
// gains takes the place of the one here by itself (`With`, `Schema`); the rest is changed in this file only.

import type { components, operations, webhooks } from "./generated/openapi.js";

type Schemas = components["schemas"];
/** A schema by its name, or what stands here for it as long as the document does not have it. */
type Schema<Name extends string, Here> = Name extends keyof Schemas ? Schemas[Name] : Here;
/** What is generated, and members that it does not have yet. */
type With<Generated, Added> = Generated & Omit<Added, keyof Generated>;

export type Message = Schemas["Message"];
export type Ticket = With<
    Schemas["Ticket"],
    {
        /** The newest 25 without notes, oldest first; only with `include: "messages"`. */
        messages?: Message[];
        /** Whether there are older ones. */
        messages_truncated?: boolean;
    }
>;
export type Tag = Schemas["Tag"];
export type Inbox = Schemas["Inbox"];
export type Agent = Schemas["Agent"];
export type Identity = Schemas["Identity"];
export type WebhookEndpoint = Schemas["WebhookEndpoint"];
export type EventType = Schemas["EventType"];
export type Delivery = Schemas["Delivery"];
export type DeliveryDetail = Schemas["DeliveryDetail"];
export type DeliveryStatus = Schemas["DeliveryStatus"];
export type Recovery = Schemas["Recovery"];

export type NewTicket = Schemas["CreateTicketRequest"];
export type TicketChanges = Schemas["TicketChanges"];
export type NewNote = Schemas["CreateTicketNoteRequest"];
export type NewTag = Schemas["AddTicketTagRequest"];
export type NewWebhookEndpoint = Schemas["CreateWebhookEndpointRequest"];
export type WebhookEndpointChanges = Schemas["WebhookEndpointChanges"];
export type SecretRotation = Schemas["RotateSecretRequest"];
export type RecoveryOrder = Schemas["RecoverDeliveriesRequest"];
export type TestOrder = Schemas["SendTestEventRequest"];

/** The body of a webhook, and an event of `/events`. */
export type WebhookEvent = { [Name in keyof webhooks]: BodyOf<webhooks[Name]> }[keyof webhooks];
type BodyOf<Item> = Item extends { post: { requestBody?: { content: { "application/json": infer Body } } } }
    ? Body
    : never;

/** What tells where a page lies. Pages by cursor have no number. */
export interface ListMeta {
    page?: number | null;
    per_page?: number;
    total?: number;
    total_pages?: number | null;
    has_more: boolean;
    next_cursor?: string | null;
    /** With `updated_since`: no change before this time is missing. */
    safe_since?: string | null;
}

/** What all lists take: a place by its cursor, and a size. */
export interface CursorQuery {
    cursor?: string;
    per_page?: number;
}

/** Most lists also take a page by its number. */
export interface PageQuery extends CursorQuery {
    page?: number;
}

type QueryOf<Id extends keyof operations> = NonNullable<operations[Id]["parameters"]["query"]>;

export type TicketQuery = With<
    QueryOf<"listTickets">,
    PageQuery & {
        updated_until?: string;
        /** At most 100. */
        ids?: string[];
        include?: "messages"[];
    }
>;
export interface MessageQuery extends CursorQuery {
    ticket_id?: string[];
    created_since?: string;
    created_until?: string;
}
export type EndpointDeliveryQuery = QueryOf<"listDeliveries">;
export interface DeliveryQuery extends CursorQuery {
    endpoint_id?: string;
    status?: DeliveryStatus[];
    event?: string[];
    event_id?: string;
    ticket_id?: string;
    /** `2xx` to `5xx`, or a number. */
    response_status?: (string | number)[];
    since?: string;
    until?: string;
}
export interface AuditQuery extends CursorQuery {
    since?: string;
    until?: string;
    actor_id?: string;
    action?: string;
}
export interface UndeliveredQuery extends CursorQuery {
    since?: string;
}
export interface ResendOrder {
    status: DeliveryStatus[];
    since?: string;
    until?: string;
    dry_run?: boolean;
}

export type AuditEntry = Schema<
    "AuditEntry",
    {
        id: string;
        created_at: string;
        actor: { type: string; id: string | null; name: string };
        action: string;
        target_kind: string;
        target_id: string | null;
        facts: Record<string, unknown>;
        address: string | null;
    }
>;
/** An event that an endpoint did not get. */
export type Undelivered = Schema<"Undelivered", { event_id: string; event: string; created_at: string }>;
export type EndpointStats = Schema<"EndpointStats", { endpoint_id: string }>;

/** What can be exported, by the names of lines. */
export interface Resources {
    ticket: Ticket;
    message: Message;
    tag: Tag;
    inbox: Inbox;
    agent: Agent;
}
export type ResourceType = keyof Resources;
export type ExportType = "tickets" | "messages" | "tags" | "inboxes" | "agents";
export type ExportLine =
    | { [Type in ResourceType]: { type: Type; data: Resources[Type]; cursor: string } }[ResourceType]
    | { type: "end"; events_cursor: string; count: number };

/** The paths that openapi.json does not have yet. */
export const PATHS = {
    audit: "/api/v1/audit",
    cancel: "/api/v1/deliveries/{delivery_id}/cancel",
    deliveries: "/api/v1/deliveries",
    export: "/api/v1/export",
    messages: "/api/v1/messages",
    resend: "/api/v1/webhooks/{endpoint_id}/resend",
    stats: "/api/v1/webhooks/{endpoint_id}/stats",
    undelivered: "/api/v1/webhooks/{endpoint_id}/undelivered",
} as const;
