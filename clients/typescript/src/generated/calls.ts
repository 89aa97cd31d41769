// Made from openapi.json by generate.mjs; do not edit.

import type { AnswerOf, CallOptions, RequestOf } from "../operation.js";

/** Where each operation of the API is. */
export const OPERATIONS = {
    addTicketTag: { method: "POST", path: "/api/v1/tickets/{ticket_id}/tags" },
    cancelDelivery: { method: "POST", path: "/api/v1/deliveries/{delivery_id}/cancel" },
    createTicket: { method: "POST", path: "/api/v1/tickets" },
    createTicketNote: { method: "POST", path: "/api/v1/tickets/{ticket_id}/messages" },
    createWebhookEndpoint: { method: "POST", path: "/api/v1/webhooks" },
    deleteWebhookEndpoint: { method: "DELETE", path: "/api/v1/webhooks/{endpoint_id}" },
    getDelivery: { method: "GET", path: "/api/v1/deliveries/{delivery_id}" },
    getEndpointStats: { method: "GET", path: "/api/v1/webhooks/{endpoint_id}/stats" },
    getInbox: { method: "GET", path: "/api/v1/inboxes/{inbox_id}" },
    getRecovery: { method: "GET", path: "/api/v1/webhooks/{endpoint_id}/recoveries/{recovery_id}" },
    getTicket: { method: "GET", path: "/api/v1/tickets/{ticket_id}" },
    getWebhookEndpoint: { method: "GET", path: "/api/v1/webhooks/{endpoint_id}" },
    listAgents: { method: "GET", path: "/api/v1/agents" },
    listAuditLog: { method: "GET", path: "/api/v1/audit" },
    listDeliveries: { method: "GET", path: "/api/v1/webhooks/{endpoint_id}/deliveries" },
    listEventTypes: { method: "GET", path: "/api/v1/webhook-event-types" },
    listEvents: { method: "GET", path: "/api/v1/events" },
    listInboxes: { method: "GET", path: "/api/v1/inboxes" },
    listMessages: { method: "GET", path: "/api/v1/messages" },
    listTags: { method: "GET", path: "/api/v1/tags" },
    listTicketMessages: { method: "GET", path: "/api/v1/tickets/{ticket_id}/messages" },
    listTicketTags: { method: "GET", path: "/api/v1/tickets/{ticket_id}/tags" },
    listTickets: { method: "GET", path: "/api/v1/tickets" },
    listUndelivered: { method: "GET", path: "/api/v1/webhooks/{endpoint_id}/undelivered" },
    listWebhookEndpoints: { method: "GET", path: "/api/v1/webhooks" },
    promoteSecret: { method: "POST", path: "/api/v1/webhooks/{endpoint_id}/promote-secret" },
    recoverDeliveries: { method: "POST", path: "/api/v1/webhooks/{endpoint_id}/recover" },
    removeTicketTag: { method: "DELETE", path: "/api/v1/tickets/{ticket_id}/tags/{tag_id}" },
    resendDelivery: { method: "POST", path: "/api/v1/deliveries/{delivery_id}/resend" },
    resendEndpointDeliveries: { method: "POST", path: "/api/v1/webhooks/{endpoint_id}/resend" },
    rotateSecret: { method: "POST", path: "/api/v1/webhooks/{endpoint_id}/rotate-secret" },
    searchDeliveries: { method: "GET", path: "/api/v1/deliveries" },
    sendTestEvent: { method: "POST", path: "/api/v1/webhooks/{endpoint_id}/test" },
    updateTicket: { method: "PATCH", path: "/api/v1/tickets/{ticket_id}" },
    updateWebhookEndpoint: { method: "PATCH", path: "/api/v1/webhooks/{endpoint_id}" },
    whoAmI: { method: "GET", path: "/api/v1/me" },
} as const;

export type OperationId = keyof typeof OPERATIONS;

/** Every operation of the API. */
export abstract class Calls {
    protected abstract call<Id extends OperationId>(
        id: Id,
        request: RequestOf<Id>,
        options?: CallOptions,
    ): Promise<AnswerOf<Id>>;

    /** Add a tag to a ticket: `POST /api/v1/tickets/{ticket_id}/tags`. Needs the scope `tags:write`. */
    addTicketTag(request: RequestOf<"addTicketTag">, options?: CallOptions): Promise<AnswerOf<"addTicketTag">> {
        return this.call("addTicketTag", request, options);
    }

    /** Cancel a delivery: `POST /api/v1/deliveries/{delivery_id}/cancel`. Needs the scope `webhooks:manage`. */
    cancelDelivery(request: RequestOf<"cancelDelivery">, options?: CallOptions): Promise<AnswerOf<"cancelDelivery">> {
        return this.call("cancelDelivery", request, options);
    }

    /** Open a ticket: `POST /api/v1/tickets`. Needs the scope `tickets:write`. */
    createTicket(request: RequestOf<"createTicket">, options?: CallOptions): Promise<AnswerOf<"createTicket">> {
        return this.call("createTicket", request, options);
    }

    /** Write an internal note: `POST /api/v1/tickets/{ticket_id}/messages`. Needs the scope `messages:write`. */
    createTicketNote(
        request: RequestOf<"createTicketNote">,
        options?: CallOptions,
    ): Promise<AnswerOf<"createTicketNote">> {
        return this.call("createTicketNote", request, options);
    }

    /** Add a webhook endpoint: `POST /api/v1/webhooks`. Needs the scope `webhooks:manage`. */
    createWebhookEndpoint(
        request: RequestOf<"createWebhookEndpoint">,
        options?: CallOptions,
    ): Promise<AnswerOf<"createWebhookEndpoint">> {
        return this.call("createWebhookEndpoint", request, options);
    }

    /** Delete a webhook endpoint: `DELETE /api/v1/webhooks/{endpoint_id}`. Needs the scope `webhooks:manage`. */
    deleteWebhookEndpoint(
        request: RequestOf<"deleteWebhookEndpoint">,
        options?: CallOptions,
    ): Promise<AnswerOf<"deleteWebhookEndpoint">> {
        return this.call("deleteWebhookEndpoint", request, options);
    }

    /** Get a delivery: `GET /api/v1/deliveries/{delivery_id}`. Needs the scope `webhooks:read`. */
    getDelivery(request: RequestOf<"getDelivery">, options?: CallOptions): Promise<AnswerOf<"getDelivery">> {
        return this.call("getDelivery", request, options);
    }

    /** Get the statistics of an endpoint: `GET /api/v1/webhooks/{endpoint_id}/stats`. Needs the scope `webhooks:read`. */
    getEndpointStats(
        request: RequestOf<"getEndpointStats">,
        options?: CallOptions,
    ): Promise<AnswerOf<"getEndpointStats">> {
        return this.call("getEndpointStats", request, options);
    }

    /** Get an inbox: `GET /api/v1/inboxes/{inbox_id}`. Needs the scope `inboxes:read`. */
    getInbox(request: RequestOf<"getInbox">, options?: CallOptions): Promise<AnswerOf<"getInbox">> {
        return this.call("getInbox", request, options);
    }

    /** Get a job of an endpoint: `GET /api/v1/webhooks/{endpoint_id}/recoveries/{recovery_id}`. Needs the scope `webhooks:read`. */
    getRecovery(request: RequestOf<"getRecovery">, options?: CallOptions): Promise<AnswerOf<"getRecovery">> {
        return this.call("getRecovery", request, options);
    }

    /** Get a ticket: `GET /api/v1/tickets/{ticket_id}`. Needs the scope `tickets:read`. */
    getTicket(request: RequestOf<"getTicket">, options?: CallOptions): Promise<AnswerOf<"getTicket">> {
        return this.call("getTicket", request, options);
    }

    /** Get a webhook endpoint: `GET /api/v1/webhooks/{endpoint_id}`. Needs the scope `webhooks:read`. */
    getWebhookEndpoint(
        request: RequestOf<"getWebhookEndpoint">,
        options?: CallOptions,
    ): Promise<AnswerOf<"getWebhookEndpoint">> {
        return this.call("getWebhookEndpoint", request, options);
    }

    /** List agents: `GET /api/v1/agents`. Needs the scope `tickets:read`. */
    listAgents(request: RequestOf<"listAgents"> = {}, options?: CallOptions): Promise<AnswerOf<"listAgents">> {
        return this.call("listAgents", request, options);
    }

    /** List the audit log: `GET /api/v1/audit`. Needs the scope `audit:read`. */
    listAuditLog(request: RequestOf<"listAuditLog"> = {}, options?: CallOptions): Promise<AnswerOf<"listAuditLog">> {
        return this.call("listAuditLog", request, options);
    }

    /** List the deliveries of an endpoint: `GET /api/v1/webhooks/{endpoint_id}/deliveries`. Needs the scope `webhooks:read`. */
    listDeliveries(request: RequestOf<"listDeliveries">, options?: CallOptions): Promise<AnswerOf<"listDeliveries">> {
        return this.call("listDeliveries", request, options);
    }

    /** List the event types: `GET /api/v1/webhook-event-types`. Needs the scope `webhooks:read`. */
    listEventTypes(
        request: RequestOf<"listEventTypes"> = {},
        options?: CallOptions,
    ): Promise<AnswerOf<"listEventTypes">> {
        return this.call("listEventTypes", request, options);
    }

    /** List events: `GET /api/v1/events`. Needs the scope `events:read`. */
    listEvents(request: RequestOf<"listEvents"> = {}, options?: CallOptions): Promise<AnswerOf<"listEvents">> {
        return this.call("listEvents", request, options);
    }

    /** List inboxes: `GET /api/v1/inboxes`. Needs the scope `inboxes:read`. */
    listInboxes(request: RequestOf<"listInboxes"> = {}, options?: CallOptions): Promise<AnswerOf<"listInboxes">> {
        return this.call("listInboxes", request, options);
    }

    /** List the messages of all tickets: `GET /api/v1/messages`. Needs the scope `messages:read`. */
    listMessages(request: RequestOf<"listMessages"> = {}, options?: CallOptions): Promise<AnswerOf<"listMessages">> {
        return this.call("listMessages", request, options);
    }

    /** List the tags of the tenant: `GET /api/v1/tags`. Needs the scope `tags:read`. */
    listTags(request: RequestOf<"listTags"> = {}, options?: CallOptions): Promise<AnswerOf<"listTags">> {
        return this.call("listTags", request, options);
    }

    /** List the messages of a ticket: `GET /api/v1/tickets/{ticket_id}/messages`. Needs the scope `messages:read`. */
    listTicketMessages(
        request: RequestOf<"listTicketMessages">,
        options?: CallOptions,
    ): Promise<AnswerOf<"listTicketMessages">> {
        return this.call("listTicketMessages", request, options);
    }

    /** List the tags of a ticket: `GET /api/v1/tickets/{ticket_id}/tags`. Needs the scope `tags:read`. */
    listTicketTags(request: RequestOf<"listTicketTags">, options?: CallOptions): Promise<AnswerOf<"listTicketTags">> {
        return this.call("listTicketTags", request, options);
    }

    /** List tickets: `GET /api/v1/tickets`. Needs the scope `tickets:read`. */
    listTickets(request: RequestOf<"listTickets"> = {}, options?: CallOptions): Promise<AnswerOf<"listTickets">> {
        return this.call("listTickets", request, options);
    }

    /** List the events that an endpoint did not get: `GET /api/v1/webhooks/{endpoint_id}/undelivered`. Needs the scope `webhooks:read`. */
    listUndelivered(
        request: RequestOf<"listUndelivered">,
        options?: CallOptions,
    ): Promise<AnswerOf<"listUndelivered">> {
        return this.call("listUndelivered", request, options);
    }

    /** List webhook endpoints: `GET /api/v1/webhooks`. Needs the scope `webhooks:read`. */
    listWebhookEndpoints(
        request: RequestOf<"listWebhookEndpoints"> = {},
        options?: CallOptions,
    ): Promise<AnswerOf<"listWebhookEndpoints">> {
        return this.call("listWebhookEndpoints", request, options);
    }

    /** Promote the new signing secret: `POST /api/v1/webhooks/{endpoint_id}/promote-secret`. Needs the scope `webhooks:manage`. */
    promoteSecret(request: RequestOf<"promoteSecret">, options?: CallOptions): Promise<AnswerOf<"promoteSecret">> {
        return this.call("promoteSecret", request, options);
    }

    /** Recover missed events: `POST /api/v1/webhooks/{endpoint_id}/recover`. Needs the scope `webhooks:manage`. */
    recoverDeliveries(
        request: RequestOf<"recoverDeliveries">,
        options?: CallOptions,
    ): Promise<AnswerOf<"recoverDeliveries">> {
        return this.call("recoverDeliveries", request, options);
    }

    /** Remove a tag from a ticket: `DELETE /api/v1/tickets/{ticket_id}/tags/{tag_id}`. Needs the scope `tags:write`. */
    removeTicketTag(
        request: RequestOf<"removeTicketTag">,
        options?: CallOptions,
    ): Promise<AnswerOf<"removeTicketTag">> {
        return this.call("removeTicketTag", request, options);
    }

    /** Resend a delivery: `POST /api/v1/deliveries/{delivery_id}/resend`. Needs the scope `webhooks:manage`. */
    resendDelivery(request: RequestOf<"resendDelivery">, options?: CallOptions): Promise<AnswerOf<"resendDelivery">> {
        return this.call("resendDelivery", request, options);
    }

    /** Resend deliveries of an endpoint: `POST /api/v1/webhooks/{endpoint_id}/resend`. Needs the scope `webhooks:manage`. */
    resendEndpointDeliveries(
        request: RequestOf<"resendEndpointDeliveries">,
        options?: CallOptions,
    ): Promise<AnswerOf<"resendEndpointDeliveries">> {
        return this.call("resendEndpointDeliveries", request, options);
    }

    /** Rotate the signing secret: `POST /api/v1/webhooks/{endpoint_id}/rotate-secret`. Needs the scope `webhooks:manage`. */
    rotateSecret(request: RequestOf<"rotateSecret">, options?: CallOptions): Promise<AnswerOf<"rotateSecret">> {
        return this.call("rotateSecret", request, options);
    }

    /** Search the deliveries of all endpoints: `GET /api/v1/deliveries`. Needs the scope `webhooks:read`. */
    searchDeliveries(
        request: RequestOf<"searchDeliveries"> = {},
        options?: CallOptions,
    ): Promise<AnswerOf<"searchDeliveries">> {
        return this.call("searchDeliveries", request, options);
    }

    /** Send a test event: `POST /api/v1/webhooks/{endpoint_id}/test`. Needs the scope `webhooks:manage`. */
    sendTestEvent(request: RequestOf<"sendTestEvent">, options?: CallOptions): Promise<AnswerOf<"sendTestEvent">> {
        return this.call("sendTestEvent", request, options);
    }

    /** Change a ticket: `PATCH /api/v1/tickets/{ticket_id}`. Needs the scope `tickets:write`. */
    updateTicket(request: RequestOf<"updateTicket">, options?: CallOptions): Promise<AnswerOf<"updateTicket">> {
        return this.call("updateTicket", request, options);
    }

    /** Change a webhook endpoint: `PATCH /api/v1/webhooks/{endpoint_id}`. Needs the scope `webhooks:manage`. */
    updateWebhookEndpoint(
        request: RequestOf<"updateWebhookEndpoint">,
        options?: CallOptions,
    ): Promise<AnswerOf<"updateWebhookEndpoint">> {
        return this.call("updateWebhookEndpoint", request, options);
    }

    /** Get the caller's identity: `GET /api/v1/me`. */
    whoAmI(request: RequestOf<"whoAmI"> = {}, options?: CallOptions): Promise<AnswerOf<"whoAmI">> {
        return this.call("whoAmI", request, options);
    }
}
