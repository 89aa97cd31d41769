// Made from openapi.json by generate.mjs; do not edit.

export interface paths {
    "/api/v1/agents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List agents
         * @description By name. Their ids are what `assignee_id` takes.
         *
         *     Needs a key with the scope `tickets:read`.
         */
        get: operations["listAgents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the audit log
         * @description Newest first; continue with `cursor`. What happens to tickets is in the events.
         *
         *     Needs a key with the scope `audit:read`.
         */
        get: operations["listAuditLog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Search the deliveries of all endpoints
         * @description Newest first by the time of the event; continue with `cursor`. A page may have fewer items than requested, even none, although more follow.
         *
         *     Needs a key with one of the scopes `webhooks:read` or `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        get: operations["searchDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/{delivery_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a delivery
         * @description With its payload and every attempt.
         *
         *     Needs a key with one of the scopes `webhooks:read` or `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        get: operations["getDelivery"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/{delivery_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a delivery
         * @description It is not retried and shows as canceled. A request that is in flight, or about to be sent, is still recorded, and if the receiver accepts it, the delivery is delivered. 409 if it has already ended.
         *
         *     Needs a key with the scope `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        post: operations["cancelDelivery"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/{delivery_id}/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Resend a delivery
         * @description Starts a new schedule; attempt numbers continue. Answers at once; the delivery shows the result. 409 while one of its requests is in flight.
         *
         *     Needs a key with the scope `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        post: operations["resendDelivery"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List events
         * @description The list becomes a stream of server-sent events for a client that prefers `text/event-stream` to `application/json` in its `Accept`: each event with its cursor as `id`, its type as `event` and the body that webhooks post as `data`. It begins with the next event, or after `Last-Event-ID` or `after`. The stream begins with a comment, and another one comes every 15 seconds while nothing happens; they hold the present cursor. A connection that ends before its first event has no `Last-Event-ID` to go on from: to miss nothing, get a cursor by `after=latest` and open the stream with it. Opening a stream counts as one request.
         *
         *     Oldest first, each with the same bytes that webhooks post. Continue with `next_cursor` as `after`: no event is skipped or repeated under concurrent writes. Events are kept for 30 days; tests are not among them.
         *
         *     Needs a key with the scope `events:read`.
         */
        get: operations["listEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export everything
         * @description One snapshot of tickets, messages, tags, inboxes and agents as lines of JSON, each a resource as the other operations answer it; internal notes are not among them. The last line has the type `end`; an answer without it is not whole. Its `events_cursor` is the `after` of `/events` that continues the snapshot: no change is missing and none comes twice. The lines come in the order inboxes, agents, tags, tickets, messages.
         *
         *     An answer that broke off is continued with the `cursor` of its last line as `after`. Its `end` then names the `events_cursor` of the first part: what changed between the parts is among the events, and `version` tells which of two states of a ticket is the newer one.
         *
         *     Each type needs its scope: tickets and agents `tickets:read`, messages `messages:read`, tags `tags:read`, inboxes `inboxes:read`. Without `types` the answer has what the key may read; a type that is named without its scope is refused. A workspace has one export at a time. It counts as one request, and is ended without `end` after ten minutes, or when its client takes nothing for 30 seconds.
         */
        get: operations["export"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/inboxes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List inboxes
         * @description By name.
         *
         *     Needs a key with the scope `inboxes:read`.
         */
        get: operations["listInboxes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/inboxes/{inbox_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get an inbox
         * @description With its error, if there is one.
         *
         *     Needs a key with the scope `inboxes:read`.
         */
        get: operations["getInbox"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the caller's identity
         * @description The key, its tenant, the plan and the rate limit: a program calls this first to check that its key works.
         *
         *     Any key may call it.
         */
        get: operations["whoAmI"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the messages of all tickets
         * @description Oldest first, to keep a copy: continue with `cursor`, and later with the newest `created_at` that you have as `created_since`. Internal notes are not in the list. A message is listed only after all older writes have ended, so that nothing is missed.
         *
         *     Needs a key with the scope `messages:read`.
         */
        get: operations["listMessages"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tags": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the tags of the tenant
         * @description By name.
         *
         *     Needs a key with the scope `tags:read`.
         */
        get: operations["listTags"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tickets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List tickets
         * @description Newest first unless `sort` says otherwise. Well-formed ids that do not exist give an empty list.
         *
         *     Needs a key with the scope `tickets:read`.
         */
        get: operations["listTickets"];
        put?: never;
        /**
         * Open a ticket
         * @description Sends no mail. Causes `ticket.created`, and `ticket.assigned` if it has an assignee.
         *
         *     Needs a key with the scope `tickets:write`.
         */
        post: operations["createTicket"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tickets/{ticket_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a ticket
         * @description Takes the ticket's UUID or its number.
         *
         *     Needs a key with the scope `tickets:read`.
         */
        get: operations["getTicket"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Change a ticket
         * @description Only the members that the body names change. `assignee_id: null` unassigns. An empty body changes nothing and causes no event.
         *
         *     Needs a key with the scope `tickets:write`.
         */
        patch: operations["updateTicket"];
        trace?: never;
    };
    "/api/v1/tickets/{ticket_id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the messages of a ticket
         * @description Oldest first. Internal notes are in neither the list nor its total. An answer has at most 4 MiB: with `page` the longest bodies are cut and marked `truncated`, with `cursor` the page ends earlier.
         *
         *     Needs a key with the scope `messages:read`.
         */
        get: operations["listTicketMessages"];
        put?: never;
        /**
         * Write an internal note
         * @description Only agents see it. This API cannot send mail to customers: any other `type` is refused with 422 `outbound_reply_not_allowed`. One of `body_html` and `body_text` must have text after the HTML is sanitised; the other is derived.
         *
         *     Needs a key with the scope `messages:write`.
         */
        post: operations["createTicketNote"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tickets/{ticket_id}/tags": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the tags of a ticket
         * @description By name.
         *
         *     Needs a key with the scope `tags:read`.
         */
        get: operations["listTicketTags"];
        put?: never;
        /**
         * Add a tag to a ticket
         * @description Takes exactly one of `tag_id` and `tag_name`. An unknown name creates the tag. 201 if the tag was added, 200 if the ticket already had it.
         *
         *     Needs a key with the scope `tags:write`.
         */
        post: operations["addTicketTag"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tickets/{ticket_id}/tags/{tag_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Remove a tag from a ticket
         * @description The tag itself stays. 404 if the ticket does not have it.
         *
         *     Needs a key with the scope `tags:write`.
         */
        delete: operations["removeTicketTag"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhook-event-types": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the event types
         * @description Each with the time at which it occurs.
         *
         *     Needs a key with one of the scopes `webhooks:read` or `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        get: operations["listEventTypes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List webhook endpoints
         * @description Newest first.
         *
         *     Needs a key with one of the scopes `webhooks:read` or `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        get: operations["listWebhookEndpoints"];
        put?: never;
        /**
         * Add a webhook endpoint
         * @description The answer shows the signing secret, once.
         *
         *     Needs a key with the scope `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        post: operations["createWebhookEndpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{endpoint_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a webhook endpoint
         * @description The secret is never shown again; `secret_hint` identifies it.
         *
         *     Needs a key with one of the scopes `webhooks:read` or `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        get: operations["getWebhookEndpoint"];
        put?: never;
        post?: never;
        /**
         * Delete a webhook endpoint
         * @description Its deliveries and their attempts are deleted with it.
         *
         *     Needs a key with the scope `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        delete: operations["deleteWebhookEndpoint"];
        options?: never;
        head?: never;
        /**
         * Change a webhook endpoint
         * @description Only the members that the body names change. While `enabled` is false nothing is sent: new events make no deliveries, waiting ones are paused.
         *
         *     Needs a key with the scope `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        patch: operations["updateWebhookEndpoint"];
        trace?: never;
    };
    "/api/v1/webhooks/{endpoint_id}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the deliveries of an endpoint
         * @description Newest first by the time of the event; continue with `cursor`. Only the last page has fewer items than requested.
         *
         *     Needs a key with one of the scopes `webhooks:read` or `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        get: operations["listDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{endpoint_id}/promote-secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Promote the new signing secret
         * @description `X-InboxOps-Signature` is made with the new secret from now on; `webhook-signature` has both signatures until the old secret expires. 409 if there is no secret to promote.
         *
         *     Needs a key with the scope `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        post: operations["promoteSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{endpoint_id}/recover": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Recover missed events
         * @description Starts a job that makes deliveries for every event of the endpoint's subscription since a time that was never delivered to it and does not wait now: also for events that failed, were canceled, or happened while the endpoint was disabled. It continues after a restart, and is as fast as the endpoint accepts them. A dry run answers 200 with their number. 409 while another job of the endpoint is open.
         *
         *     Needs a key with the scope `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        post: operations["recoverDeliveries"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{endpoint_id}/recoveries/{recovery_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a job of an endpoint
         * @description The progress of a recovery, or of a resend of the endpoint's deliveries.
         *
         *     Needs a key with one of the scopes `webhooks:read` or `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        get: operations["getRecovery"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{endpoint_id}/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Resend deliveries of an endpoint
         * @description Starts a job that gives a new schedule to the deliveries in these states, oldest first, as fast as the endpoint accepts them; deliveries in flight, and tests, are left alone. One job resends at most 10,000; when it is done, call again for more. It continues after a restart; its progress is at `/webhooks/{endpoint_id}/recoveries/{recovery_id}`. A dry run answers 200 with their number. 409 while another job of the endpoint is open.
         *
         *     Needs a key with the scope `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        post: operations["resendEndpointDeliveries"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{endpoint_id}/rotate-secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Rotate the signing secret
         * @description The answer shows a new secret, once. From now on `webhook-signature` has a signature by each secret, and `X-InboxOps-Signature` still that of the old one, until the new one is promoted: by `promote-secret`, or automatically after 24 hours. A repeat replaces a secret that is not promoted yet. 409 while the old secret of a promotion still signs, unless `immediate`.
         *
         *     Needs a key with the scope `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        post: operations["rotateSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{endpoint_id}/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the statistics of an endpoint
         * @description The number of its deliveries in each state, and the results and durations of the attempts of the last 24 hours and 7 days. Tests count in the states only.
         *
         *     Needs a key with one of the scopes `webhooks:read` or `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        get: operations["getEndpointStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{endpoint_id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a test event
         * @description A signed sample of the event, or your own `data`, with `data.test` = true, one attempt, also to a disabled endpoint. Answers at once; the delivery shows the result.
         *
         *     Needs a key with the scope `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        post: operations["sendTestEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{endpoint_id}/undelivered": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the events that an endpoint did not get
         * @description The events of its subscription that were never delivered to it, oldest first: those that wait, those that failed or were canceled, and those without a delivery. Continue with `cursor`; a page may have fewer items than requested, even none, although more follow.
         *
         *     Needs a key with one of the scopes `webhooks:read` or `webhooks:manage`.
         *
         *     Needs a plan with the entitlement `webhooks`.
         */
        get: operations["listUndelivered"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export interface webhooks {
    "ticket.created": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Event ticket.created
         * @description A ticket was created, from any source.
         *
         *     Posted to every enabled endpoint that takes `ticket.created`, at least once. Check a signature against the bytes of the body as they came, answer 2xx within 15 seconds, and drop an `event_id` that you had.
         */
        post: operations["onTicketCreated"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "ticket.updated": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Event ticket.updated
         * @description A visible field of a ticket changed, such as its status, assignee or tags: what a mirror subscribes to.
         *
         *     Posted to every enabled endpoint that takes `ticket.updated`, at least once. Check a signature against the bytes of the body as they came, answer 2xx within 15 seconds, and drop an `event_id` that you had.
         */
        post: operations["onTicketUpdated"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "ticket.assigned": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Event ticket.assigned
         * @description A ticket was assigned, reassigned or unassigned, or created with an assignee.
         *
         *     Posted to every enabled endpoint that takes `ticket.assigned`, at least once. Check a signature against the bytes of the body as they came, answer 2xx within 15 seconds, and drop an `event_id` that you had.
         */
        post: operations["onTicketAssigned"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "ticket.status_changed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Event ticket.status_changed
         * @description The status of a ticket changed.
         *
         *     Posted to every enabled endpoint that takes `ticket.status_changed`, at least once. Check a signature against the bytes of the body as they came, answer 2xx within 15 seconds, and drop an `event_id` that you had.
         */
        post: operations["onTicketStatusChanged"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "ticket.closed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Event ticket.closed
         * @description A ticket was closed.
         *
         *     Posted to every enabled endpoint that takes `ticket.closed`, at least once. Check a signature against the bytes of the body as they came, answer 2xx within 15 seconds, and drop an `event_id` that you had.
         */
        post: operations["onTicketClosed"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "message.received": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Event message.received
         * @description A customer's message arrived.
         *
         *     Posted to every enabled endpoint that takes `message.received`, at least once. Check a signature against the bytes of the body as they came, answer 2xx within 15 seconds, and drop an `event_id` that you had.
         */
        post: operations["onMessageReceived"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "message.sent": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Event message.sent
         * @description A reply was sent to a customer.
         *
         *     Posted to every enabled endpoint that takes `message.sent`, at least once. Check a signature against the bytes of the body as they came, answer 2xx within 15 seconds, and drop an `event_id` that you had.
         */
        post: operations["onMessageSent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "inbox.error": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Event inbox.error
         * @description An inbox stopped working, or its error changed.
         *
         *     Posted to every enabled endpoint that takes `inbox.error`, at least once. Check a signature against the bytes of the body as they came, answer 2xx within 15 seconds, and drop an `event_id` that you had.
         */
        post: operations["onInboxError"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export interface components {
    schemas: {
        /** @description The body of every failure. */
        ErrorResponse: {
            error: components["schemas"]["ErrorBody"];
        };
        /** @description What failed. */
        ErrorBody: {
            code: components["schemas"]["ErrorCode"];
            /** @description A sentence for a person. */
            message: string;
            /** @description Id of the request, as in the header `X-Request-Id`. */
            request_id: string;
            /**
             * Format: uri-reference
             * @description Where the code is explained.
             */
            doc_url: string;
            /** @description What exactly is wrong; empty when there is nothing to add. */
            details: components["schemas"]["ErrorDetail"][];
        };
        /**
         * @description Why a request failed.
         *
         *     - `malformed_json`: The body cannot be read as JSON: broken syntax, a duplicate key, bad UTF-8 or nesting deeper than 32.
         *     - `invalid_request`: A member of the body has the wrong JSON type, or is null where null means nothing.
         *     - `invalid_parameter`: A query parameter, or a conditional header, has an invalid value or is repeated.
         *     - `unknown_parameter`: The query has a parameter that this call does not have.
         *     - `invalid_cursor`: The cursor was not made by this list with these filters, or was changed.
         *     - `invalid_idempotency_key`: The header `Idempotency-Key` is empty, too long or has characters that are not printable ASCII.
         *     - `validation_failed`: The request is well-formed but violates a rule; `details` names each field and its rule.
         *     - `outbound_reply_not_allowed`: The message has another `type` than `internal_note`.
         *     - `idempotency_key_reused`: The same `Idempotency-Key` came with another method, path or body within 24 hours.
         *     - `missing_api_key`: The request has no `Authorization: Bearer` header.
         *     - `invalid_api_key`: The API key is not well-formed or not known.
         *     - `revoked_api_key`: The API key exists but was revoked.
         *     - `expired_api_key`: The API key exists but has expired.
         *     - `cross_origin`: A browser made the call from another site, or under a host name that is not the server's.
         *     - `entitlement_required`: The plan lacks an entitlement; `details` names it and the least plan that has it.
         *     - `insufficient_scope`: The API key lacks the scope that `details` names.
         *     - `role_required`: The caller's role, or kind of credential, may not make this call.
         *     - `tenant_suspended`: The operator suspended the workspace.
         *     - `ticket_not_found`: The workspace has no ticket with this id or number.
         *     - `inbox_not_found`: The workspace has no inbox with this id.
         *     - `tag_not_found`: The ticket has no tag with this id.
         *     - `endpoint_not_found`: The workspace has no webhook endpoint with this id.
         *     - `delivery_not_found`: The workspace has no delivery with this id.
         *     - `recovery_not_found`: The workspace has no job of this kind with this id.
         *     - `tenant_not_found`: There is no tenant with this id.
         *     - `route_not_found`: The path is not one of the API.
         *     - `method_not_allowed`: The path exists but not with this method; the header `Allow` names those that it takes.
         *     - `precondition_failed`: `If-Match` differs from the current `ETag`.
         *     - `conflict`: The call does not fit the present state; where a retry helps, `Retry-After` says when.
         *     - `idempotency_in_progress`: A request with the same `Idempotency-Key` has not ended yet.
         *     - `export_in_progress`: A workspace has one export at a time; `Retry-After` says when to look again.
         *     - `cursor_expired`: The cursor is older than the retention of what it lists, or than 30 days, or belongs to another history of the data (`other_history`): begin again without it.
         *     - `payload_too_large`: The body is larger than the API accepts.
         *     - `unsupported_media_type`: The body has no `Content-Type: application/json`.
         *     - `rate_limited`: The rate limit is reached; `Retry-After` says how many seconds to wait.
         *     - `internal_error`: An error of the server; the request id finds it in the operator's log.
         *     - `service_unavailable`: A part of the service is temporarily unavailable; try again.
         *     - `timeout`: The deadline of the call passed before it ended.
         * @enum {string}
         */
        ErrorCode: "malformed_json" | "invalid_request" | "invalid_parameter" | "unknown_parameter" | "invalid_cursor" | "invalid_idempotency_key" | "validation_failed" | "outbound_reply_not_allowed" | "idempotency_key_reused" | "missing_api_key" | "invalid_api_key" | "revoked_api_key" | "expired_api_key" | "cross_origin" | "entitlement_required" | "insufficient_scope" | "role_required" | "tenant_suspended" | "ticket_not_found" | "inbox_not_found" | "tag_not_found" | "endpoint_not_found" | "delivery_not_found" | "recovery_not_found" | "tenant_not_found" | "route_not_found" | "method_not_allowed" | "precondition_failed" | "conflict" | "idempotency_in_progress" | "export_in_progress" | "cursor_expired" | "payload_too_large" | "unsupported_media_type" | "rate_limited" | "internal_error" | "service_unavailable" | "timeout";
        /** @description One thing that is wrong or missing. */
        ErrorDetail: {
            /**
             * @description Where: in the body, in the query, or in what the key may do.
             * @enum {string}
             */
            location: "body" | "query" | "auth";
            /** @description Path of the field, as in `events[2]`; of `auth` what is missing, as in `scope`. */
            field: string;
            /**
             * @description Which rule is broken.
             *
             *     - `required`: A required field is missing.
             *     - `blank`: The value is empty once white space is removed.
             *     - `too_short`: The value is too short.
             *     - `too_long`: The value is too long.
             *     - `invalid_type`: The value has the wrong JSON type.
             *     - `invalid_format`: The value has the wrong format.
             *     - `invalid_enum`: The value is not one of the allowed values.
             *     - `out_of_range`: The number is too small or too great.
             *     - `not_found`: The value refers to something that does not exist.
             *     - `unknown_field`: There is no field with this name.
             *     - `mutually_exclusive`: Two fields exclude each other.
             *     - `one_of_required`: One of several fields must be given.
             *     - `limit_exceeded`: There are too many.
             *     - `inbox_disabled`: The inbox is disabled.
             *     - `other_history`: The cursor was made in another database, or after the backup that this one was restored from.
             * @enum {string}
             */
            code: "required" | "blank" | "too_short" | "too_long" | "invalid_type" | "invalid_format" | "invalid_enum" | "out_of_range" | "not_found" | "unknown_field" | "mutually_exclusive" | "one_of_required" | "limit_exceeded" | "inbox_disabled" | "other_history";
            /** @description What the value must be, to be read after the field's name. */
            message: string;
            /** @description The values that are allowed, where they are few. */
            allowed?: string[];
        };
        /** @description Request of AddTicketTag. */
        AddTicketTagRequest: {
            /**
             * Format: uuid
             * @description UUID of a tag; or give `tag_name`.
             */
            tag_id?: string;
            /**
             * @description Name of a tag, which is created if it does not exist; or give `tag_id`.
             * @example billing
             */
            tag_name?: string;
        };
        /** @description Response of AddTicketTag. */
        AddTicketTagResponse: {
            /** @description The tag. */
            data: components["schemas"]["Tag"];
        };
        /** @description A person of the tenant. */
        Agent: {
            /**
             * Format: uuid
             * @description UUID of the agent.
             * @example 019ab5f0-0000-7000-8000-0000000000b1
             */
            id: string;
            /**
             * @description Name.
             * @example Grace Hopper
             */
            name: string;
            /**
             * @description Mail address.
             * @example grace@example.com
             */
            email: string;
            /** @description Role. */
            role: components["schemas"]["Role"];
        };
        /** @description One HTTP request of a delivery. */
        Attempt: {
            /**
             * Format: int64
             * @description Number, from 1.
             * @example 1
             */
            number: number;
            /**
             * Format: date-time
             * @description Time at which it began.
             */
            started_at: string;
            /**
             * Format: int64
             * @description How long it took, in milliseconds.
             * @example 143
             */
            duration_ms: number;
            /**
             * Format: int64
             * @description HTTP status of the answer; null without one.
             * @example 200
             */
            response_status: number | null;
            /**
             * @description First 4 KiB of the answer's body; null without an answer, and for a key that has neither `webhooks:manage` nor `messages:read`.
             * @example ok
             */
            response_body: string | null;
            /** @description Headers of the answer. */
            response_headers: components["schemas"]["HttpHeader"][];
            /** @description Headers of the request. */
            request_headers: components["schemas"]["HttpHeader"][];
            /** @description Failure code; null if it did not fail. */
            error_code: string | null;
            /** @description Why it failed, as a sentence; null if it did not fail. */
            error: string | null;
            /**
             * @description Whether the receiver answered 2xx.
             * @example true
             */
            succeeded: boolean;
        };
        /** @description Results of the attempts in a period. */
        AttemptBucket: {
            /**
             * Format: date-time
             * @description Start of the period.
             */
            start: string;
            /**
             * Format: int64
             * @description Attempts that were answered 2xx.
             */
            succeeded: number;
            /**
             * Format: int64
             * @description Attempts that failed.
             */
            failed: number;
        };
        /** @description Results of the attempts in a time. */
        AttemptStats: {
            /** @description By period, oldest first, without gaps; the last period has not ended. */
            buckets: components["schemas"]["AttemptBucket"][];
            /**
             * Format: int64
             * @description Attempts that were answered 2xx.
             */
            succeeded: number;
            /**
             * Format: int64
             * @description Attempts that failed.
             */
            failed: number;
            /**
             * Format: int64
             * @description Median response time in milliseconds, estimated; null without responses.
             */
            median_ms: number | null;
            /**
             * Format: int64
             * @description 95th percentile of the response time in milliseconds, estimated; null without responses.
             */
            p95_ms: number | null;
        };
        /** @description Who acted. */
        AuditActor: {
            /** @description Kind. */
            type: components["schemas"]["AuditActorType"];
            /**
             * Format: uuid
             * @description UUID of the agent, key or token; null for others.
             * @example 019ab5f0-0000-7000-8000-0000000000a1
             */
            id: string | null;
            /**
             * @description Name at that time; may be empty.
             * @example Grace Hopper
             */
            name: string;
        };
        /**
         * @description Kind of an actor.
         *
         *     - `agent`: A person of the workspace.
         *     - `api_key`: A program with an API key.
         *     - `service`: A program of the operator.
         *     - `operator`: The operator.
         *     - `nobody`: An unknown person: a failed sign-in.
         *     - `system`: InboxOps itself.
         * @enum {string}
         */
        AuditActorType: "agent" | "api_key" | "service" | "operator" | "nobody" | "system";
        /** @description A detail of an entry. */
        AuditDetail: {
            /**
             * @description What it is: `name`, `plan`, `host`.
             * @example host
             */
            name: string;
            /**
             * @description Its value; never a secret.
             * @example example.com
             */
            value: string;
        };
        /** @description An entry of the audit log. */
        AuditLogEntry: {
            /**
             * Format: uuid
             * @description UUID of the entry.
             * @example 019ab5f0-0000-7000-8000-0000000001c1
             */
            id: string;
            /**
             * Format: date-time
             * @description Time.
             */
            created_at: string;
            /** @description Who acted. */
            actor: components["schemas"]["AuditActor"];
            /**
             * @description The action: `api_key.created`, `session.login_failed`, `tenant.plan_changed`.
             * @example endpoint.created
             */
            action: string;
            /**
             * @description Kind of its target: `api_key`, `endpoint`, `delivery`, `agent`, `inbox`, `tenant`.
             * @example endpoint
             */
            target_kind: string;
            /**
             * Format: uuid
             * @description UUID of its target; null if it has none.
             * @example 019ab5f0-0000-7000-8000-0000000000f1
             */
            target_id: string | null;
            /** @description Details. */
            facts: components["schemas"]["AuditDetail"][];
            /**
             * @description IP address of the client; null for the machine itself and for InboxOps.
             * @example 203.0.113.9
             */
            address: string | null;
        };
        /** @description Who wrote a message. */
        Author: {
            /** @description Kind. */
            type: components["schemas"]["AuthorType"];
            /**
             * Format: uuid
             * @description UUID of the agent or API key; null for others.
             */
            id: string | null;
            /**
             * @description Name; may be empty.
             * @example Sync job
             */
            name: string;
            /** @description Mail address; null when none is known. */
            email: string | null;
        };
        /**
         * @description Kind of an author.
         *
         *     - `customer`: A customer.
         *     - `agent`: An agent of the tenant.
         *     - `api_key`: A program with an API key.
         *     - `system`: InboxOps itself or a program of its operator.
         * @enum {string}
         */
        AuthorType: "customer" | "agent" | "api_key" | "system";
        /** @description Response of CancelDelivery. */
        CancelDeliveryResponse: {
            /** @description The delivery, canceled. */
            data: components["schemas"]["Delivery"];
        };
        /**
         * @description Channel by which a ticket or an inbox gets its messages.
         *
         *     - `email`: Mail.
         *     - `api`: This API.
         *     - `web`: A form or a chat on a web page.
         * @enum {string}
         */
        Channel: "email" | "api" | "web";
        /** @description Request of CreateTicketNote. */
        CreateTicketNoteRequest: {
            /**
             * @description Kind; only `internal_note` is possible.
             * @default internal_note
             * @enum {string}
             */
            type?: "internal_note";
            /** @description HTML; what an allow-list does not name is removed. */
            body_html?: string;
            /**
             * @description Plain text.
             * @example Asked the warehouse.
             */
            body_text?: string;
        };
        /** @description Response of CreateTicketNote. */
        CreateTicketNoteResponse: {
            /** @description The note. */
            data: components["schemas"]["Message"];
        };
        /** @description Request of CreateTicket. */
        CreateTicketRequest: {
            /**
             * @description Subject: plain text.
             * @example Refund for order 1042
             */
            subject: string;
            /**
             * Format: uuid
             * @description Inbox that it belongs to; must be active.
             * @example 019ab5f0-0000-7000-8000-0000000000a1
             */
            inbox_id: string;
            /**
             * @description Urgency.
             * @default normal
             */
            priority?: components["schemas"]["TicketPriority"];
            /**
             * Format: uuid
             * @description Agent who works on it.
             */
            assignee_id?: string | null;
        };
        /** @description Response of CreateTicket. */
        CreateTicketResponse: {
            /** @description The ticket. */
            data: components["schemas"]["Ticket"];
        };
        /** @description Request of CreateWebhookEndpoint. */
        CreateWebhookEndpointRequest: {
            /**
             * Format: uri
             * @description Address to post to: https, a public host.
             * @example https://example.com/hooks/inboxops
             */
            url: string;
            /**
             * @description Events that it gets: names, `ticket.*`, `message.*` or `*`.
             * @example [
             *       "ticket.*"
             *     ]
             */
            events: ("ticket.created" | "ticket.updated" | "ticket.assigned" | "ticket.status_changed" | "ticket.closed" | "message.received" | "message.sent" | "inbox.error" | "ticket.*" | "message.*" | "*")[];
            /**
             * @description Whether events are posted.
             * @default true
             */
            enabled?: boolean;
            /** @description Description. */
            description?: string | null;
            /** @description Custom headers to send; their values are stored encrypted and never shown again. */
            headers?: components["schemas"]["NewEndpointHeader"][];
            /** @description Inboxes whose events it gets; all if empty. It also gets the `ticket.updated` by which a ticket leaves one of them. */
            inbox_ids?: string[];
            /**
             * Format: int32
             * @description Greatest number of requests a second; no limit when absent.
             */
            rate_per_second?: number | null;
            /**
             * @description Form of the bodies: `full` has whole tickets, messages and inboxes; `thin` their ids and links, and what changed, for receivers that accept only small bodies.
             * @default full
             */
            payload?: components["schemas"]["EndpointPayload"];
        };
        /** @description Response of CreateWebhookEndpoint. */
        CreateWebhookEndpointResponse: {
            /** @description The endpoint, with its secret. */
            data: components["schemas"]["WebhookEndpoint"];
        };
        /** @description Position of a page in a list that is read by cursor. */
        CursorMeta: {
            /** @description Whether more items follow. */
            has_more: boolean;
            /** @description Pass it as `cursor` to continue; null on the last page. */
            next_cursor: string | null;
        };
        /** @description One event for one endpoint. */
        Delivery: {
            /**
             * Format: uuid
             * @description UUID of the delivery.
             * @example 019ab5f0-0000-7000-8000-000000000101
             */
            id: string;
            /**
             * Format: uuid
             * @description UUID of its endpoint.
             * @example 019ab5f0-0000-7000-8000-0000000000f1
             */
            endpoint_id: string;
            /**
             * @description Type of the event.
             * @example ticket.created
             */
            event: string;
            /**
             * Format: uuid
             * @description UUID of the event: `webhook-id` of every request.
             * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
             */
            event_id: string;
            /** @description State. */
            status: components["schemas"]["DeliveryStatus"];
            /**
             * Format: int64
             * @description Number of requests that were sent, without those that ended as `stale_connection` and were sent again at once.
             * @example 1
             */
            attempt_count: number;
            /**
             * Format: int64
             * @description Greatest number of failed attempts before it ends as failed.
             * @example 10
             */
            max_attempts: number;
            /**
             * Format: date-time
             * @description Time of the next attempt; null when none is planned.
             */
            next_attempt_at: string | null;
            /**
             * Format: int64
             * @description HTTP status of the last answer; null without one.
             * @example 200
             */
            response_status: number | null;
            /** @description Why the last attempt failed; null when it did not. */
            error_code: string | null;
            /** @description Whether it is a test. */
            test: boolean;
            /**
             * Format: date-time
             * @description Time at which it was created.
             */
            created_at: string;
            /**
             * Format: date-time
             * @description Time at which it succeeded; null until then.
             */
            delivered_at: string | null;
            /**
             * Format: uuid
             * @description UUID of the ticket that the event is about; null for other events and for tests.
             * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
             */
            ticket_id: string | null;
            /**
             * Format: int64
             * @description Number of the ticket; null without one.
             * @example 42
             */
            ticket_number: number | null;
            /**
             * @description Subject of the ticket as it is now; null without one.
             * @example Where is my order?
             */
            subject: string | null;
            /** @description What it waits for; null once it has ended, and while its next request is in flight or about to be sent. */
            waits_for: components["schemas"]["DeliveryWait"] | null;
        };
        /** @description One event for one endpoint, with payload and attempts. */
        DeliveryDetail: {
            /**
             * Format: uuid
             * @description UUID of the delivery.
             * @example 019ab5f0-0000-7000-8000-000000000101
             */
            id: string;
            /**
             * Format: uuid
             * @description UUID of its endpoint.
             * @example 019ab5f0-0000-7000-8000-0000000000f1
             */
            endpoint_id: string;
            /**
             * @description Type of the event.
             * @example ticket.created
             */
            event: string;
            /**
             * Format: uuid
             * @description UUID of the event: `webhook-id` of every request.
             * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
             */
            event_id: string;
            /** @description State. */
            status: components["schemas"]["DeliveryStatus"];
            /**
             * Format: int64
             * @description Number of requests that were sent, without those that ended as `stale_connection` and were sent again at once.
             * @example 1
             */
            attempt_count: number;
            /**
             * Format: int64
             * @description Greatest number of failed attempts before it ends as failed.
             * @example 10
             */
            max_attempts: number;
            /**
             * Format: date-time
             * @description Time of the next attempt; null when none is planned.
             */
            next_attempt_at: string | null;
            /**
             * Format: int64
             * @description HTTP status of the last answer; null without one.
             * @example 200
             */
            response_status: number | null;
            /** @description Why the last attempt failed; null when it did not. */
            error_code: string | null;
            /** @description Whether it is a test. */
            test: boolean;
            /**
             * Format: date-time
             * @description Time at which it was created.
             */
            created_at: string;
            /**
             * Format: date-time
             * @description Time at which it succeeded; null until then.
             */
            delivered_at: string | null;
            /**
             * @description The body that is posted; null, and empty in gRPC, for a key that has neither `webhooks:manage` nor `messages:read`.
             * @example {}
             */
            payload: {
                [key: string]: unknown;
            } | null;
            /** @description Every attempt, oldest first. */
            attempts: components["schemas"]["Attempt"][];
            /**
             * Format: uuid
             * @description UUID of the ticket that the event is about; null for other events and for tests.
             * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
             */
            ticket_id: string | null;
            /**
             * Format: int64
             * @description Number of the ticket; null without one.
             * @example 42
             */
            ticket_number: number | null;
            /**
             * @description Subject of the ticket as it is now; null without one.
             * @example Where is my order?
             */
            subject: string | null;
            /** @description What it waits for; null once it has ended, and while its next request is in flight or about to be sent. */
            waits_for: components["schemas"]["DeliveryWait"] | null;
        };
        /**
         * @description State of a delivery.
         *
         *     - `pending`: Not tried yet.
         *     - `retrying`: Failed at least once; will be retried.
         *     - `delivered`: The receiver answered 2xx.
         *     - `failed`: All attempts failed; it is not retried automatically.
         *     - `paused`: Waits until its endpoint is enabled again.
         *     - `canceled`: Canceled by a person or a program of the tenant.
         * @enum {string}
         */
        DeliveryStatus: "pending" | "retrying" | "delivered" | "failed" | "paused" | "canceled";
        /**
         * @description What a delivery waits for.
         *
         *     - `queue`: Its turn.
         *     - `retry`: The time of its next attempt.
         *     - `rate_limit`: Its turn at an endpoint whose rate is limited.
         *     - `probe`: An endpoint that has failed so often that it gets one request at a time.
         *     - `paused`: Its endpoint to be enabled again.
         * @enum {string}
         */
        DeliveryWait: "queue" | "retry" | "rate_limit" | "probe" | "paused";
        /** @description The backlog of an endpoint. */
        EndpointBacklog: {
            /**
             * Format: int64
             * @description Deliveries that are pending, retrying or paused; tests are not counted.
             * @example 1094
             */
            waiting: number;
            /**
             * Format: date-time
             * @description When the oldest of them was made; null when there is none.
             */
            oldest_at: string | null;
            /**
             * Format: int64
             * @description Seconds since the longest due delivery that is not in flight became due; 0 if none is due, and while nothing is sent to the endpoint.
             * @example 720
             */
            behind_seconds: number;
        };
        /** @description Failures since the last success. */
        EndpointFailing: {
            /**
             * Format: date-time
             * @description Time of the first failed attempt since the last success.
             */
            since: string;
            /**
             * Format: int64
             * @description Failed attempts since the last success. From 20 on, only one request at a time is sent.
             * @example 23
             */
            failures_in_row: number;
            /** @description How close it is to being disabled. */
            warning: components["schemas"]["FailureWarning"];
            /**
             * Format: date-time
             * @description When it will be disabled if no attempt succeeds, after at least 20 attempts.
             */
            disables_at: string;
        };
        /** @description A custom header; its value is never shown. */
        EndpointHeader: {
            /** @description Name. */
            name: string;
        };
        /**
         * @description Form of the bodies of an endpoint's webhooks.
         *
         *     - `full`: Whole tickets, messages and inboxes.
         *     - `thin`: Their ids and links, and what changed, for receivers that accept only small bodies.
         * @enum {string}
         */
        EndpointPayload: "full" | "thin";
        /** @description Delivery statistics of an endpoint. */
        EndpointStats: {
            /**
             * Format: uuid
             * @description UUID of the endpoint.
             * @example 019ab5f0-0000-7000-8000-0000000000f1
             */
            endpoint_id: string;
            /** @description Number of deliveries in each state; states without any are left out. */
            counts: components["schemas"]["StatusCount"][];
            /** @description The last 24 hours, by hour. */
            last_24_hours: components["schemas"]["AttemptStats"];
            /** @description The last 7 days, by day. */
            last_7_days: components["schemas"]["AttemptStats"];
            /** @description The delivery of the latest attempt; null before the first. */
            last_attempt: components["schemas"]["LastAttempt"] | null;
        };
        /**
         * @description State of an endpoint.
         *
         *     - `active`: Events are posted.
         *     - `paused`: Disabled by a person or a program of the tenant.
         *     - `failing`: Events are posted, but the last attempts failed.
         *     - `disabled`: Disabled by InboxOps; see `disabled_reason`.
         *     - `not_entitled`: The plan does not include webhooks.
         * @enum {string}
         */
        EndpointStatus: "active" | "paused" | "failing" | "disabled" | "not_entitled";
        /** @description Who caused an event. */
        EventActor: {
            /**
             * @description Kind.
             * @enum {string}
             */
            type: "agent" | "customer" | "api_key" | "service" | "system";
            /**
             * Format: uuid
             * @description Id; null for those without one.
             */
            id: string | null;
            /** @description Name. */
            name: string;
        };
        /** @description The fields of a ticket that changed, and those only. Empty when only something that is not shown here changed. */
        EventChanges: {
            /** @description `subject` before and after. */
            subject?: {
                from: string;
                to: string;
            };
            /** @description `status` before and after. */
            status?: {
                from: components["schemas"]["TicketStatus"];
                to: components["schemas"]["TicketStatus"];
            };
            /** @description `priority` before and after. */
            priority?: {
                from: components["schemas"]["TicketPriority"];
                to: components["schemas"]["TicketPriority"];
            };
            /** @description `inbox_id` before and after. */
            inbox_id?: {
                /** Format: uuid */
                from: string;
                /** Format: uuid */
                to: string;
            };
            /** @description `assignee_id` before and after. */
            assignee_id?: {
                /** Format: uuid */
                from: string | null;
                /** Format: uuid */
                to: string | null;
            };
            /** @description `tags` before and after. */
            tags?: {
                from: string[];
                to: string[];
            };
            /** @description `message_count` before and after. */
            message_count?: {
                /** Format: int64 */
                from: number;
                /** Format: int64 */
                to: number;
            };
            /** @description `last_message_at` before and after. */
            last_message_at?: {
                /** Format: date-time */
                from: string | null;
                /** Format: date-time */
                to: string;
            };
            /** @description Number of internal notes before and after; what they say is not told. */
            note_count?: {
                /** Format: int64 */
                from: number;
                /** Format: int64 */
                to: number;
            };
        };
        /** @description A type of event. */
        EventType: {
            /**
             * @description Name.
             * @example ticket.created
             */
            name: string;
            /**
             * @description When it happens.
             * @example A ticket was created, from any source.
             */
            description: string;
            /**
             * @description Family of the type, as in `ticket.*`.
             * @example ticket
             */
            group: string;
        };
        /** @description Position of a page of events. */
        EventsMeta: {
            /**
             * @description Whether there are already more events.
             * @example false
             */
            has_more: boolean;
            /**
             * @description Pass it as `after` to continue, at once or when more has happened.
             * @example e2-9b1c04d7e5a2f386-1d8-2f4-1d8-63b0c3f8a5c00
             */
            next_cursor: string;
        };
        /** @description Message of Export: a line. */
        ExportResponse: {
            /** @description What the line has. */
            type: components["schemas"]["ExportType"];
            /** @description The resource, as the other operations answer it; absent at the end. */
            data?: components["schemas"]["Ticket"] | components["schemas"]["Message"] | components["schemas"]["Tag"] | components["schemas"]["Inbox"] | components["schemas"]["Agent"];
            /** @description Pass it as `after` to continue after this line; absent at the end. */
            cursor?: string;
            /**
             * @description Place in `/events` at which the snapshot was taken, as `after` takes it; at the end only.
             * @example e2-9b1c04d7e5a2f386-1d8-2f4-1d8-63b0c3f8a5c00
             */
            events_cursor?: string;
            /**
             * Format: int64
             * @description Number of lines of this answer without this one; at the end only.
             */
            count?: number;
        };
        /**
         * @description What a line of an export has.
         *
         *     - `inbox`: An inbox.
         *     - `agent`: An agent.
         *     - `tag`: A tag.
         *     - `ticket`: A ticket.
         *     - `message`: A message.
         *     - `end`: The export is whole: the last line.
         * @enum {string}
         */
        ExportType: "inbox" | "agent" | "tag" | "ticket" | "message" | "end";
        /**
         * @description How close an endpoint is to being disabled.
         *
         *     - `none`: Less than half of the time has passed.
         *     - `half`: Half of the time has passed.
         *     - `three_quarters`: Three quarters of the time have passed.
         * @enum {string}
         */
        FailureWarning: "none" | "half" | "three_quarters";
        /** @description Response of GetDelivery. */
        GetDeliveryResponse: {
            /** @description The delivery. */
            data: components["schemas"]["DeliveryDetail"];
        };
        /** @description Response of GetEndpointStats. */
        GetEndpointStatsResponse: {
            /** @description The statistics. */
            data: components["schemas"]["EndpointStats"];
        };
        /** @description Response of GetInbox. */
        GetInboxResponse: {
            /** @description The inbox. */
            data: components["schemas"]["Inbox"];
        };
        /** @description Response of GetRecovery. */
        GetRecoveryResponse: {
            /** @description The job. */
            data: components["schemas"]["Recovery"];
        };
        /** @description Response of GetTicket. */
        GetTicketResponse: {
            /** @description The ticket. */
            data: components["schemas"]["Ticket"];
        };
        /** @description Response of GetWebhookEndpoint. */
        GetWebhookEndpointResponse: {
            /** @description The endpoint. */
            data: components["schemas"]["WebhookEndpoint"];
        };
        /** @description A header as it was sent or received. */
        HttpHeader: {
            /**
             * @description Name, lower case.
             * @example content-type
             */
            name: string;
            /**
             * @description Value; secrets are masked.
             * @example application/json
             */
            value: string;
        };
        /** @description The caller. */
        Identity: {
            /** @description The API key; null when the caller has another credential. */
            key: components["schemas"]["IdentityKey"] | null;
            /** @description The tenant. */
            tenant: components["schemas"]["IdentityTenant"];
            /** @description Its plan. */
            plan: components["schemas"]["Plan"];
            /**
             * @description Entitlements that are on.
             * @example [
             *       "public_api",
             *       "webhooks"
             *     ]
             */
            entitlements: string[];
            /** @description Its rate limit, which all its keys share. */
            limit: components["schemas"]["RateLimit"];
        };
        /** @description The API key that calls. */
        IdentityKey: {
            /**
             * Format: uuid
             * @description UUID of the key.
             * @example 019ab5f0-0000-7000-8000-0000000000e1
             */
            id: string;
            /**
             * @description Name.
             * @example Sync job
             */
            name: string;
            /**
             * @description First eight characters.
             * @example ixk_9fQ2
             */
            key_prefix: string;
            /**
             * @description Its scopes.
             * @example [
             *       "tickets:read",
             *       "tickets:write"
             *     ]
             */
            scopes: string[];
            /** @description The key's own share of the tenant's rate limit; null when it has none. A share above the limit is shown as the limit. */
            limit: components["schemas"]["RateLimit"] | null;
        };
        /** @description The tenant of the caller. */
        IdentityTenant: {
            /**
             * Format: uuid
             * @description UUID of the tenant.
             * @example 019ab5f0-0000-7000-8000-000000000001
             */
            id: string;
            /**
             * @description Name.
             * @example Acme
             */
            name: string;
        };
        /** @description An inbox. */
        Inbox: {
            /**
             * Format: uuid
             * @description UUID of the inbox.
             * @example 019ab5f0-0000-7000-8000-0000000000a1
             */
            id: string;
            /**
             * @description Name.
             * @example Support
             */
            name: string;
            /**
             * @description Mail address; null without one.
             * @example support@example.com
             */
            email_address: string | null;
            /** @description Channel of its messages. */
            channel: components["schemas"]["Channel"];
            /** @description State. */
            status: components["schemas"]["InboxStatus"];
            /** @description Its error; null if there is none. */
            error: components["schemas"]["InboxError"] | null;
            /**
             * Format: date-time
             * @description Time at which it was created.
             */
            created_at: string;
            /**
             * Format: date-time
             * @description Time of the last change.
             */
            updated_at: string;
        };
        /** @description The error of an inbox. */
        InboxError: {
            /**
             * @description Short name of the error.
             * @example auth_failed
             */
            code: string;
            /**
             * @description A sentence for a person.
             * @example The mail server refused the password.
             */
            message: string;
            /**
             * Format: date-time
             * @description Time since which it fails.
             */
            since: string;
        };
        /** @description An inbox stopped working, or its error changed. */
        InboxErrorEvent: {
            /**
             * @description Type of the event.
             * @constant
             */
            event: "inbox.error";
            /**
             * Format: uuid
             * @description Id of the event.
             */
            event_id: string;
            /**
             * Format: uuid
             * @description Id of the workspace.
             */
            tenant_id: string;
            /**
             * Format: date-time
             * @description Time at which it happened.
             */
            created_at: string;
            /** @description What happened. */
            data: {
                /** @description Who caused it. */
                actor: components["schemas"]["EventActor"];
                /**
                 * Format: uuid
                 * @description Id that all events of one action share.
                 */
                group: string;
                /** @description The inbox. */
                inbox: components["schemas"]["Inbox"];
                /** @description What is wrong with the inbox. */
                error: components["schemas"]["InboxError"];
                /** @description True on a test event; else absent. */
                test?: boolean;
            };
        };
        /**
         * @description State of an inbox.
         *
         *     - `active`: It works.
         *     - `disabled`: Disabled; it takes no new tickets.
         *     - `error`: It fails; see `error`.
         * @enum {string}
         */
        InboxStatus: "active" | "disabled" | "error";
        /** @description The delivery of the latest attempt. */
        LastAttempt: {
            /**
             * Format: uuid
             * @description UUID of the delivery.
             * @example 019ab5f0-0000-7000-8000-000000000101
             */
            delivery_id: string;
            /**
             * Format: int64
             * @description HTTP status of the answer; null without one.
             */
            response_status: number | null;
            /** @description Failure code; null if it did not fail. */
            error_code: string | null;
            /**
             * Format: date-time
             * @description Time of the attempt.
             */
            at: string;
        };
        /** @description The last delivery of an endpoint. */
        LastDelivery: {
            /**
             * Format: uuid
             * @description UUID of the delivery.
             */
            id: string;
            /** @description State. */
            status: components["schemas"]["DeliveryStatus"];
            /**
             * Format: int64
             * @description HTTP status of the last answer; null without one.
             */
            response_status: number | null;
            /**
             * Format: date-time
             * @description Time of the last attempt.
             */
            at: string;
        };
        /** @description Response of ListAgents. */
        ListAgentsResponse: {
            /** @description The agents of the page. */
            data: components["schemas"]["Agent"][];
            /** @description Position of the page. */
            meta: components["schemas"]["PageMeta"];
        };
        /** @description Response of ListAuditLog. */
        ListAuditLogResponse: {
            /** @description The entries of the page. */
            data: components["schemas"]["AuditLogEntry"][];
            /** @description Position of the page. */
            meta: components["schemas"]["CursorMeta"];
        };
        /** @description Response of ListDeliveries. */
        ListDeliveriesResponse: {
            /** @description The deliveries of the page. */
            data: components["schemas"]["Delivery"][];
            /** @description Position of the page. */
            meta: components["schemas"]["CursorMeta"];
        };
        /** @description Response of ListEventTypes. */
        ListEventTypesResponse: {
            /** @description All event types, in the order of the catalogue. */
            data: components["schemas"]["EventType"][];
        };
        /** @description Response of ListEvents. */
        ListEventsResponse: {
            /**
             * @description The events of the page, each as it was posted.
             * @example [
             *       {
             *         "event": "ticket.created",
             *         "event_id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
             *         "tenant_id": "019ab5f0-0000-7000-8000-000000000001",
             *         "created_at": "2026-01-31T09:30:00.000000Z",
             *         "data": {}
             *       }
             *     ]
             */
            data: {
                [key: string]: unknown;
            }[];
            /** @description Position of the page. */
            meta: components["schemas"]["EventsMeta"];
        };
        /** @description Response of ListInboxes. */
        ListInboxesResponse: {
            /** @description The inboxes of the page. */
            data: components["schemas"]["Inbox"][];
            /** @description Position of the page. */
            meta: components["schemas"]["PageMeta"];
        };
        /** @description Response of ListMessages. */
        ListMessagesResponse: {
            /** @description The messages of the page. */
            data: components["schemas"]["Message"][];
            /** @description Position of the page. */
            meta: components["schemas"]["CursorMeta"];
        };
        /** @description Response of ListTags. */
        ListTagsResponse: {
            /** @description The tags of the page. */
            data: components["schemas"]["Tag"][];
            /** @description Position of the page. */
            meta: components["schemas"]["PageMeta"];
        };
        /** @description Response of ListTicketMessages. */
        ListTicketMessagesResponse: {
            /** @description The messages of the page. */
            data: components["schemas"]["Message"][];
            /** @description Position of the page. */
            meta: components["schemas"]["PageMeta"];
        };
        /** @description Response of ListTicketTags. */
        ListTicketTagsResponse: {
            /** @description The tags of the page. */
            data: components["schemas"]["Tag"][];
            /** @description Position of the page. */
            meta: components["schemas"]["PageMeta"];
        };
        /** @description Response of ListTickets. */
        ListTicketsResponse: {
            /** @description The tickets of the page. */
            data: components["schemas"]["Ticket"][];
            /** @description Position of the page. */
            meta: components["schemas"]["PageMeta"];
        };
        /** @description Response of ListUndelivered. */
        ListUndeliveredResponse: {
            /** @description The events of the page. There may be fewer than requested, even none, although more follow. */
            data: components["schemas"]["Undelivered"][];
            /** @description Position of the page. */
            meta: components["schemas"]["CursorMeta"];
        };
        /** @description Response of ListWebhookEndpoints. */
        ListWebhookEndpointsResponse: {
            /** @description The endpoints of the page. */
            data: components["schemas"]["WebhookEndpoint"][];
            /** @description Position of the page. */
            meta: components["schemas"]["PageMeta"];
        };
        /** @description One message of a ticket. */
        Message: {
            /**
             * Format: uuid
             * @description UUID of the message.
             * @example 019ab5f0-0000-7000-8000-0000000000d1
             */
            id: string;
            /**
             * Format: uuid
             * @description UUID of its ticket.
             * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
             */
            ticket_id: string;
            /** @description Kind. */
            type: components["schemas"]["MessageType"];
            /** @description Who wrote it. */
            author: components["schemas"]["Author"];
            /**
             * @description Plain text.
             * @example Asked the warehouse.
             */
            body_text: string;
            /**
             * @description Sanitised HTML.
             * @example <p>Asked the warehouse.</p>
             */
            body_html: string;
            /**
             * Format: date-time
             * @description Time at which it was recorded.
             */
            created_at: string;
            /** @description Whether a body was cut: because it was too long, or so that a list stays below 4 MiB. */
            truncated: boolean;
            /**
             * Format: date-time
             * @description Time at which it was sent, as a mail's own `Date` says; null for what did not come by mail, and for a mail that names no time.
             */
            sent_at: string | null;
        };
        /** @description A customer's message arrived. */
        MessageReceivedEvent: {
            /**
             * @description Type of the event.
             * @constant
             */
            event: "message.received";
            /**
             * Format: uuid
             * @description Id of the event.
             */
            event_id: string;
            /**
             * Format: uuid
             * @description Id of the workspace.
             */
            tenant_id: string;
            /**
             * Format: date-time
             * @description Time at which it happened.
             */
            created_at: string;
            /** @description What happened. */
            data: {
                /** @description Who caused it. */
                actor: components["schemas"]["EventActor"];
                /**
                 * Format: uuid
                 * @description Id that all events of one action share.
                 */
                group: string;
                /** @description The ticket after the change. */
                ticket: components["schemas"]["Ticket"];
                /** @description The message. */
                message: components["schemas"]["Message"];
                /** @description True on a test event; else absent. */
                test?: boolean;
            };
        };
        /** @description A reply was sent to a customer. */
        MessageSentEvent: {
            /**
             * @description Type of the event.
             * @constant
             */
            event: "message.sent";
            /**
             * Format: uuid
             * @description Id of the event.
             */
            event_id: string;
            /**
             * Format: uuid
             * @description Id of the workspace.
             */
            tenant_id: string;
            /**
             * Format: date-time
             * @description Time at which it happened.
             */
            created_at: string;
            /** @description What happened. */
            data: {
                /** @description Who caused it. */
                actor: components["schemas"]["EventActor"];
                /**
                 * Format: uuid
                 * @description Id that all events of one action share.
                 */
                group: string;
                /** @description The ticket after the change. */
                ticket: components["schemas"]["Ticket"];
                /** @description The message. */
                message: components["schemas"]["Message"];
                /** @description True on a test event; else absent. */
                test?: boolean;
            };
        };
        /**
         * @description Kind of a message.
         *
         *     - `inbound`: The customer wrote it.
         *     - `outbound`: It was sent to the customer.
         *     - `internal_note`: Only agents see it.
         * @enum {string}
         */
        MessageType: "inbound" | "outbound" | "internal_note";
        /** @description A custom header to send. */
        NewEndpointHeader: {
            /**
             * @description Name: an HTTP token. Names that InboxOps or HTTP itself sets are refused: `webhook-*`, `x-inboxops-*`, `Host`, `Content-*`, `User-Agent`, `Cookie` and the like.
             * @example Authorization
             */
            name: string;
            /**
             * @description Value: visible ASCII and spaces.
             * @example Basic aW5ib3hvcHM6b3BlbiBzZXNhbWU=
             */
            value: string;
        };
        /** @description Position of a page in its list. */
        PageMeta: {
            /**
             * Format: int64
             * @description Number of this page, from 1; null when the list is read by `cursor`.
             */
            page: number | null;
            /**
             * Format: int64
             * @description Greatest number of items on a page.
             * @example 25
             */
            per_page: number;
            /**
             * Format: int64
             * @description Exact number of items on all pages.
             */
            total: number;
            /**
             * Format: int64
             * @description Number of pages; null when the list is read by `cursor`.
             */
            total_pages: number | null;
            /** @description Whether a page follows. */
            has_more: boolean;
            /**
             * @description Pass it as `cursor` to continue after the last item; null on the last page. Good for 30 days, for the same filters and order.
             * @example AZ5NQhJ0q7kBgA6Y0rDQDBuG2m1dTzWfAKCAy4jN7usGAQGatfAAAHAAgAAAAAAAAKGbYdg2
             */
            next_cursor: string | null;
            /**
             * Format: date-time
             * @description Only for tickets with `updated_since`: no ticket is listed that changed at this time or later, since a write in progress may still get an earlier time. After the last page, use this as the next `updated_since`, and nothing is missed.
             */
            safe_since?: string;
        };
        /**
         * @description Plan of a tenant.
         *
         *     - `free`: Neither API nor webhooks.
         *     - `starter`: Neither API nor webhooks.
         *     - `business`: API and webhooks.
         *     - `enterprise`: API and webhooks.
         * @enum {string}
         */
        Plan: "free" | "starter" | "business" | "enterprise";
        /** @description Request of PromoteSecret. */
        PromoteSecretRequest: {
            /**
             * Format: int32
             * @description Hours for which the old secret continues to sign; if absent, as given at the rotation.
             */
            keep_old_hours?: number;
        };
        /** @description Response of PromoteSecret. */
        PromoteSecretResponse: {
            /** @description The endpoint after the promotion. */
            data: components["schemas"]["WebhookEndpoint"];
        };
        /** @description A rate limit. */
        RateLimit: {
            /**
             * Format: int64
             * @description Requests that are accepted in a window.
             * @example 100
             */
            requests: number;
            /**
             * Format: int64
             * @description Length of the rolling window in seconds.
             * @example 60
             */
            window_seconds: number;
        };
        /** @description Request of RecoverDeliveries. */
        RecoverDeliveriesRequest: {
            /**
             * Format: date-time
             * @description Events from this time on. Events are kept for 30 days.
             * @example 2026-01-31T09:30:00Z
             */
            since: string;
            /**
             * Format: date-time
             * @description Events before this time; up to now when absent.
             */
            until?: string;
            /**
             * @description Only return the number of events; make no deliveries.
             * @default false
             */
            dry_run?: boolean;
        };
        /** @description Response of RecoverDeliveries. */
        RecoverDeliveriesResponse: {
            /** @description The job, or for a dry run what it would be. */
            data: components["schemas"]["Recovery"];
        };
        /** @description A job that makes deliveries for missed events, or sends deliveries again. */
        Recovery: {
            /**
             * Format: uuid
             * @description UUID of the job; null after a dry run.
             * @example 019ab5f0-0000-7000-8000-0000000001a1
             */
            id: string | null;
            /**
             * Format: uuid
             * @description UUID of the endpoint.
             * @example 019ab5f0-0000-7000-8000-0000000000f1
             */
            endpoint_id: string;
            /**
             * Format: date-time
             * @description Events from this time on.
             */
            since: string;
            /**
             * Format: date-time
             * @description Events before this time.
             */
            until: string;
            /**
             * Format: int64
             * @description Number of events that need a delivery, or of deliveries to send again. It may grow while a long recovery runs.
             * @example 120
             */
            matched: number;
            /**
             * Format: int64
             * @description Number of deliveries that were made, or were given a new schedule, so far.
             * @example 0
             */
            created: number;
            /**
             * @description Whether the job is done.
             * @example false
             */
            done: boolean;
        };
        /** @description The customer of a ticket. */
        Requester: {
            /**
             * @description Name as the customer gave it; may be empty.
             * @example Ada Lovelace
             */
            name: string;
            /**
             * @description Mail address.
             * @example ada@example.com
             */
            email: string;
        };
        /** @description Response of ResendDelivery. */
        ResendDeliveryResponse: {
            /** @description The delivery, waiting for its next attempt. */
            data: components["schemas"]["Delivery"];
        };
        /** @description Request of ResendEndpointDeliveries. */
        ResendEndpointDeliveriesRequest: {
            /**
             * @description Deliveries in any of these states.
             * @example [
             *       "failed",
             *       "canceled"
             *     ]
             */
            status: components["schemas"]["DeliveryStatus"][];
            /**
             * Format: date-time
             * @description Deliveries of events from this time on.
             */
            since?: string;
            /**
             * Format: date-time
             * @description Deliveries of events before this time.
             */
            until?: string;
            /**
             * @description Only return their number; send nothing.
             * @default false
             */
            dry_run?: boolean;
        };
        /** @description Response of ResendEndpointDeliveries. */
        ResendEndpointDeliveriesResponse: {
            /** @description The job, or for a dry run what it would be. */
            data: components["schemas"]["Recovery"];
        };
        /**
         * @description Role of an agent in a tenant.
         *
         *     - `admin`: Manages keys, endpoints and agents, and all that an agent does.
         *     - `agent`: Works on tickets.
         * @enum {string}
         */
        Role: "admin" | "agent";
        /** @description Request of RotateSecret. */
        RotateSecretRequest: {
            /**
             * @description The old secrets stop signing at once: for a secret that has leaked. There is then nothing to promote.
             * @default false
             */
            immediate?: boolean;
            /**
             * Format: int32
             * @description Hours for which the old secret continues to sign after the promotion.
             * @default 24
             */
            keep_old_hours?: number;
        };
        /** @description Response of RotateSecret. */
        RotateSecretResponse: {
            /** @description The endpoint, with its new secret. */
            data: components["schemas"]["WebhookEndpoint"];
        };
        /** @description Response of SearchDeliveries. */
        SearchDeliveriesResponse: {
            /** @description The deliveries of the page. */
            data: components["schemas"]["Delivery"][];
            /** @description Position of the page. */
            meta: components["schemas"]["CursorMeta"];
        };
        /** @description A rotation of the signing secret in progress: two secrets sign. */
        SecretRotation: {
            /** @description Its stage. */
            stage: components["schemas"]["SecretStage"];
            /**
             * @description Last four characters of the new secret.
             * @example 8k2Q
             */
            new_secret_hint: string;
            /**
             * @description Last four characters of the old secret.
             * @example FRYX
             */
            old_secret_hint: string;
            /**
             * Format: date-time
             * @description When the new secret is promoted automatically; null once it is.
             */
            promotes_at: string | null;
            /**
             * Format: date-time
             * @description When the old secret stops signing; before the promotion: if that happens automatically.
             */
            old_expires_at: string;
        };
        /**
         * @description Stage of a secret's rotation.
         *
         *     - `staged`: The new secret signs too; `X-InboxOps-Signature` is still made with the old one.
         *     - `promoted`: `X-InboxOps-Signature` is made with the new secret; the old one signs too, until it expires.
         * @enum {string}
         */
        SecretStage: "staged" | "promoted";
        /** @description Request of SendTestEvent. */
        SendTestEventRequest: {
            /**
             * @description Event of the sample.
             * @example ticket.created
             * @enum {string}
             */
            event: "ticket.created" | "ticket.updated" | "ticket.assigned" | "ticket.status_changed" | "ticket.closed" | "message.received" | "message.sent" | "inbox.error";
            /** @description Members of the event's `data` in place of a sample's, an object (in gRPC its text). They are sent as they are, whatever the event and also to an endpoint with `thin` payloads; `actor`, `group` and `test` are the server's, and what is given for them is dropped. The object has at most 31 levels and no name twice, the event at most 256 KiB. */
            data?: {
                [key: string]: unknown;
            };
        };
        /** @description Response of SendTestEvent. */
        SendTestEventResponse: {
            /** @description The delivery, not yet ended. */
            data: components["schemas"]["Delivery"];
        };
        /** @description Number of deliveries in a state. */
        StatusCount: {
            /** @description The state. */
            status: components["schemas"]["DeliveryStatus"];
            /**
             * Format: int64
             * @description How many deliveries are in it.
             */
            count: number;
        };
        /** @description A name that groups tickets. */
        Tag: {
            /**
             * Format: uuid
             * @description UUID of the tag.
             * @example 019ab5f0-0000-7000-8000-0000000000c1
             */
            id: string;
            /**
             * @description Name; unique in the tenant, letter case aside.
             * @example billing
             */
            name: string;
            /** @description Color as `#rrggbb`; null when none was chosen. */
            color: string | null;
            /**
             * Format: date-time
             * @description Time at which it was created.
             */
            created_at: string;
        };
        /** @description A tag as tickets show it. */
        TagRef: {
            /**
             * Format: uuid
             * @description UUID of the tag.
             * @example 019ab5f0-0000-7000-8000-0000000000c1
             */
            id: string;
            /**
             * @description Name.
             * @example billing
             */
            name: string;
        };
        /** @description One conversation with a customer. */
        Ticket: {
            /**
             * Format: uuid
             * @description UUID of the ticket.
             * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
             */
            id: string;
            /**
             * Format: int64
             * @description Number within the tenant, from 1, never reused.
             * @example 1042
             */
            ticket_number: number;
            /**
             * @description Subject.
             * @example Refund for order 1042
             */
            subject: string;
            /** @description State. */
            status: components["schemas"]["TicketStatus"];
            /** @description Urgency. */
            priority: components["schemas"]["TicketPriority"];
            /**
             * Format: uuid
             * @description Inbox that it belongs to.
             * @example 019ab5f0-0000-7000-8000-0000000000a1
             */
            inbox_id: string;
            /**
             * Format: uuid
             * @description Agent who works on it; null if unassigned.
             */
            assignee_id: string | null;
            /** @description The customer; null if none is known. */
            requester: components["schemas"]["Requester"] | null;
            /** @description Tags, by name. */
            tags: components["schemas"]["TagRef"][];
            /** @description Channel by which it came. */
            channel: components["schemas"]["Channel"];
            /**
             * Format: int64
             * @description Number of messages, internal notes not counted.
             * @example 0
             */
            message_count: number;
            /**
             * Format: date-time
             * @description Time of the newest message; null without one.
             */
            last_message_at: string | null;
            /**
             * Format: date-time
             * @description Time at which it was opened.
             */
            created_at: string;
            /**
             * Format: date-time
             * @description Time of the last visible change.
             */
            updated_at: string;
            /**
             * Format: date-time
             * @description Time at which it became `solved`; null in other states.
             */
            solved_at: string | null;
            /**
             * Format: date-time
             * @description Time at which it became `closed`; null in other states.
             */
            closed_at: string | null;
            /**
             * Format: int64
             * @description Grows by 1 with every visible change.
             * @example 1
             */
            version: number;
            /** @description Only in lists with `include=messages`: the newest 25 messages, oldest first, without internal notes. */
            messages?: components["schemas"]["TicketMessages"];
            /** @description Only in lists with `include=messages`: whether the ticket has more messages than these. */
            messages_truncated?: boolean;
        };
        /** @description A ticket was assigned, reassigned or unassigned, or created with an assignee. */
        TicketAssignedEvent: {
            /**
             * @description Type of the event.
             * @constant
             */
            event: "ticket.assigned";
            /**
             * Format: uuid
             * @description Id of the event.
             */
            event_id: string;
            /**
             * Format: uuid
             * @description Id of the workspace.
             */
            tenant_id: string;
            /**
             * Format: date-time
             * @description Time at which it happened.
             */
            created_at: string;
            /** @description What happened. */
            data: {
                /** @description Who caused it. */
                actor: components["schemas"]["EventActor"];
                /**
                 * Format: uuid
                 * @description Id that all events of one action share.
                 */
                group: string;
                /** @description The ticket after the change. */
                ticket: components["schemas"]["Ticket"];
                /** @description The fields that changed. */
                changes: components["schemas"]["EventChanges"];
                /** @description True on a test event; else absent. */
                test?: boolean;
            };
        };
        /** @description The members of a ticket that can be changed. */
        TicketChanges: {
            /**
             * @description Subject: plain text.
             * @example Refund for order 1042
             */
            subject?: string;
            /** @description State. */
            status?: components["schemas"]["TicketStatus"];
            /** @description Urgency. */
            priority?: components["schemas"]["TicketPriority"];
            /**
             * Format: uuid
             * @description Agent who works on it; null unassigns.
             */
            assignee_id?: string | null;
            /**
             * Format: uuid
             * @description Inbox to move it to; must be active.
             */
            inbox_id?: string;
        };
        /** @description A ticket was closed. */
        TicketClosedEvent: {
            /**
             * @description Type of the event.
             * @constant
             */
            event: "ticket.closed";
            /**
             * Format: uuid
             * @description Id of the event.
             */
            event_id: string;
            /**
             * Format: uuid
             * @description Id of the workspace.
             */
            tenant_id: string;
            /**
             * Format: date-time
             * @description Time at which it happened.
             */
            created_at: string;
            /** @description What happened. */
            data: {
                /** @description Who caused it. */
                actor: components["schemas"]["EventActor"];
                /**
                 * Format: uuid
                 * @description Id that all events of one action share.
                 */
                group: string;
                /** @description The ticket after the change. */
                ticket: components["schemas"]["Ticket"];
                /** @description The fields that changed. */
                changes: components["schemas"]["EventChanges"];
                /** @description True on a test event; else absent. */
                test?: boolean;
            };
        };
        /** @description A ticket was created, from any source. */
        TicketCreatedEvent: {
            /**
             * @description Type of the event.
             * @constant
             */
            event: "ticket.created";
            /**
             * Format: uuid
             * @description Id of the event.
             */
            event_id: string;
            /**
             * Format: uuid
             * @description Id of the workspace.
             */
            tenant_id: string;
            /**
             * Format: date-time
             * @description Time at which it happened.
             */
            created_at: string;
            /** @description What happened. */
            data: {
                /** @description Who caused it. */
                actor: components["schemas"]["EventActor"];
                /**
                 * Format: uuid
                 * @description Id that all events of one action share.
                 */
                group: string;
                /** @description The ticket after the change. */
                ticket: components["schemas"]["Ticket"];
                /** @description True on a test event; else absent. */
                test?: boolean;
            };
        };
        /** @description Oldest first. */
        TicketMessages: components["schemas"]["Message"][];
        /**
         * @description Urgency of a ticket.
         *
         *     - `low`: Low urgency.
         *     - `normal`: Normal urgency.
         *     - `high`: High urgency.
         *     - `urgent`: Needs work at once.
         * @enum {string}
         */
        TicketPriority: "low" | "normal" | "high" | "urgent";
        /**
         * @description State of a ticket. Any state may follow any other.
         *
         *     - `open`: Waits for an answer of the team.
         *     - `pending`: Waits for the customer or somebody else.
         *     - `solved`: Answered; may be reopened.
         *     - `closed`: Done.
         * @enum {string}
         */
        TicketStatus: "open" | "pending" | "solved" | "closed";
        /** @description The status of a ticket changed. */
        TicketStatusChangedEvent: {
            /**
             * @description Type of the event.
             * @constant
             */
            event: "ticket.status_changed";
            /**
             * Format: uuid
             * @description Id of the event.
             */
            event_id: string;
            /**
             * Format: uuid
             * @description Id of the workspace.
             */
            tenant_id: string;
            /**
             * Format: date-time
             * @description Time at which it happened.
             */
            created_at: string;
            /** @description What happened. */
            data: {
                /** @description Who caused it. */
                actor: components["schemas"]["EventActor"];
                /**
                 * Format: uuid
                 * @description Id that all events of one action share.
                 */
                group: string;
                /** @description The ticket after the change. */
                ticket: components["schemas"]["Ticket"];
                /** @description The fields that changed. */
                changes: components["schemas"]["EventChanges"];
                /** @description True on a test event; else absent. */
                test?: boolean;
            };
        };
        /** @description A visible field of a ticket changed, such as its status, assignee or tags: what a mirror subscribes to. */
        TicketUpdatedEvent: {
            /**
             * @description Type of the event.
             * @constant
             */
            event: "ticket.updated";
            /**
             * Format: uuid
             * @description Id of the event.
             */
            event_id: string;
            /**
             * Format: uuid
             * @description Id of the workspace.
             */
            tenant_id: string;
            /**
             * Format: date-time
             * @description Time at which it happened.
             */
            created_at: string;
            /** @description What happened. */
            data: {
                /** @description Who caused it. */
                actor: components["schemas"]["EventActor"];
                /**
                 * Format: uuid
                 * @description Id that all events of one action share.
                 */
                group: string;
                /** @description The ticket after the change. */
                ticket: components["schemas"]["Ticket"];
                /** @description The fields that changed. */
                changes: components["schemas"]["EventChanges"];
                /** @description True on a test event; else absent. */
                test?: boolean;
            };
        };
        /** @description An event that an endpoint did not get. */
        Undelivered: {
            /**
             * Format: uuid
             * @description UUID of the event.
             * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
             */
            event_id: string;
            /**
             * @description Type of the event.
             * @example ticket.created
             */
            event: string;
            /**
             * Format: date-time
             * @description Time of the event.
             */
            created_at: string;
            /**
             * Format: uuid
             * @description UUID of its delivery; null when there is none.
             * @example 019ab5f0-0000-7000-8000-000000000101
             */
            delivery_id: string | null;
            /** @description State of its delivery; null when there is none. */
            status: components["schemas"]["DeliveryStatus"] | null;
        };
        /** @description Response of UpdateTicket. */
        UpdateTicketResponse: {
            /** @description The ticket after the change. */
            data: components["schemas"]["Ticket"];
        };
        /** @description Response of UpdateWebhookEndpoint. */
        UpdateWebhookEndpointResponse: {
            /** @description The endpoint after the change. */
            data: components["schemas"]["WebhookEndpoint"];
        };
        /** @description A webhook endpoint. */
        WebhookEndpoint: {
            /**
             * Format: uuid
             * @description UUID of the endpoint.
             * @example 019ab5f0-0000-7000-8000-0000000000f1
             */
            id: string;
            /**
             * @description URL that events are posted to.
             * @example https://example.com/hooks/inboxops
             */
            url: string;
            /**
             * @description Description; null if there is none.
             * @example CRM sync
             */
            description: string | null;
            /**
             * @description Events that it gets: names, `ticket.*`, `message.*` or `*`.
             * @example [
             *       "ticket.*"
             *     ]
             */
            events: string[];
            /**
             * @description Whether the tenant has enabled it.
             * @example true
             */
            enabled: boolean;
            /** @description Inboxes that it is limited to; empty for all. */
            inbox_ids: string[];
            /**
             * Format: int64
             * @description Greatest number of requests a second; null for no limit.
             */
            rate_per_second: number | null;
            /** @description Custom headers. */
            headers: components["schemas"]["EndpointHeader"][];
            /** @description State. */
            status: components["schemas"]["EndpointStatus"];
            /** @description Why InboxOps disabled it; null if it did not. */
            disabled_reason: string | null;
            /** @description Signing secret, only in the answer that created it; otherwise null. */
            secret: string | null;
            /**
             * @description Last four characters of the secret that `X-InboxOps-Signature` is made with.
             * @example FRYX
             */
            secret_hint: string;
            /** @description The delivery of the latest attempt; null before the first. */
            last_delivery: components["schemas"]["LastDelivery"] | null;
            /**
             * Format: date-time
             * @description Time at which it was created.
             */
            created_at: string;
            /**
             * Format: date-time
             * @description Time of the last change.
             */
            updated_at: string;
            /** @description The rotation in progress; null while one secret signs. */
            rotation: components["schemas"]["SecretRotation"] | null;
            /** @description Failures since the last success; null if the last attempt succeeded. */
            failing: components["schemas"]["EndpointFailing"] | null;
            /** @description Its backlog. */
            backlog: components["schemas"]["EndpointBacklog"];
            /** @description Form of the bodies of its webhooks. */
            payload: components["schemas"]["EndpointPayload"];
        };
        /** @description The members of an endpoint that can be changed. */
        WebhookEndpointChanges: {
            /**
             * Format: uri
             * @description Address to post to: https, a public host.
             */
            url?: string;
            /** @description Events that it gets: names, `ticket.*`, `message.*` or `*`. */
            events?: ("ticket.created" | "ticket.updated" | "ticket.assigned" | "ticket.status_changed" | "ticket.closed" | "message.received" | "message.sent" | "inbox.error" | "ticket.*" | "message.*" | "*")[];
            /** @description Whether events are posted. */
            enabled?: boolean;
            /** @description Description; null removes it. */
            description?: string | null;
            /** @description Custom headers to send: the whole list with values. Headers that are not in it are removed. */
            headers?: components["schemas"]["NewEndpointHeader"][];
            /** @description Inboxes whose events it gets; the whole list, empty for all. */
            inbox_ids?: string[];
            /**
             * Format: int32
             * @description Greatest number of requests a second; null removes the limit.
             */
            rate_per_second?: number | null;
            /** @description Form of the bodies. Waiting deliveries keep their form, unless they are resent. */
            payload?: components["schemas"]["EndpointPayload"];
        };
        /** @description Response of WhoAmI. */
        WhoAmIResponse: {
            /** @description The caller. */
            data: components["schemas"]["Identity"];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listAgents: {
        parameters: {
            query?: {
                /** @description Page to read, from 1. */
                page?: number;
                /** @description Greatest number of items on a page. */
                per_page?: number;
                /** @description Place to begin after: `next_cursor` of an earlier page with the same filters and order. Not together with `page`. 410 when it is older than 30 days, or from another history of the data. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListAgentsResponse"];
                };
            };
        };
    };
    listAuditLog: {
        parameters: {
            query?: {
                /** @description Only entries from this time on. */
                since?: string;
                /** @description Only entries before this time. */
                until?: string;
                /** @description Only entries of the agent, key or token with this UUID. */
                actor_id?: string;
                /**
                 * @description Only entries of this action.
                 * @example endpoint.created
                 */
                action?: string;
                /** @description Greatest number of items on a page. */
                per_page?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListAuditLogResponse"];
                };
            };
        };
    };
    searchDeliveries: {
        parameters: {
            query?: {
                /**
                 * @description Only deliveries to the endpoint with this UUID.
                 * @example 019ab5f0-0000-7000-8000-0000000000f1
                 */
                endpoint_id?: string;
                /** @description Only deliveries in any of these states. */
                status?: components["schemas"]["DeliveryStatus"][];
                /** @description Only deliveries of any of these events. */
                event?: ("ticket.created" | "ticket.updated" | "ticket.assigned" | "ticket.status_changed" | "ticket.closed" | "message.received" | "message.sent" | "inbox.error")[];
                /**
                 * @description Only deliveries of the event with this UUID.
                 * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
                 */
                event_id?: string;
                /**
                 * @description Only deliveries of events about the ticket with this UUID: of its newest 5,000 events. Those of older ones are not found without `event_id`.
                 * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
                 */
                ticket_id?: string;
                /**
                 * @description Only deliveries whose last response had any of these statuses: `2xx`, `3xx`, `4xx`, `5xx` or numbers.
                 * @example [
                 *       "5xx"
                 *     ]
                 */
                response_status?: string[];
                /** @description Only deliveries that were created from this time on. */
                since?: string;
                /** @description Only deliveries that were created before this time. */
                until?: string;
                /** @description Greatest number of items on a page. */
                per_page?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchDeliveriesResponse"];
                };
            };
        };
    };
    getDelivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID of the delivery.
                 * @example 019ab5f0-0000-7000-8000-000000000101
                 */
                delivery_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetDeliveryResponse"];
                };
            };
        };
    };
    cancelDelivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID of the delivery.
                 * @example 019ab5f0-0000-7000-8000-000000000101
                 */
                delivery_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CancelDeliveryResponse"];
                };
            };
        };
    };
    resendDelivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID of the delivery.
                 * @example 019ab5f0-0000-7000-8000-000000000101
                 */
                delivery_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It was taken on and is not done yet. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResendDeliveryResponse"];
                };
            };
        };
    };
    listEvents: {
        parameters: {
            query?: {
                /** @description Begin after this place, `next_cursor` of an earlier page; without it, at the oldest event that is kept. `latest` answers no event and the newest place as `next_cursor`. 410 when what follows is no longer kept, or, with the detail `other_history`, when the cursor was made after the backup that the data were restored from. */
                after?: string;
                /** @description Only these types: names, `ticket.*`, `message.*` or `*`. */
                types?: ("ticket.created" | "ticket.updated" | "ticket.assigned" | "ticket.status_changed" | "ticket.closed" | "message.received" | "message.sent" | "inbox.error" | "ticket.*" | "message.*" | "*")[];
                /** @description Greatest number of events on a page. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListEventsResponse"];
                    /**
                     * @example id: e2-9b1c04d7e5a2f386-1d8-2f4-1d8-63b0c3f8a5c00
                     *     event: ticket.created
                     *     data: {"event":"ticket.created"}
                     */
                    "text/event-stream": string;
                };
            };
        };
    };
    export: {
        parameters: {
            query?: {
                /**
                 * @description Only these types.
                 * @example [
                 *       "tickets",
                 *       "messages"
                 *     ]
                 */
                types?: ("tickets" | "messages" | "tags" | "inboxes" | "agents")[];
                /** @description Continue after this line: the `cursor` of the last one that came, with the same `types`. Good for 30 days. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {"type":"tag","data":{"id":"019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d55","name":"vip","color":null,"created_at":"2026-01-31T09:30:00.000000Z"},"cursor":"AZ5NQhJ0q7kBgA6Y0rDQDBuG2m1dTzWfAKCAy4jN7usGAQGatfAAAHAAgAAAAAAAAKGbYdg2"}
                     *     {"type":"end","events_cursor":"e2-9b1c04d7e5a2f386-1d8-2f4-1d8-63b0c3f8a5c00","count":1}
                     */
                    "application/x-ndjson": string;
                };
            };
        };
    };
    listInboxes: {
        parameters: {
            query?: {
                /** @description Page to read, from 1. */
                page?: number;
                /** @description Greatest number of items on a page. */
                per_page?: number;
                /** @description Place to begin after: `next_cursor` of an earlier page with the same filters and order. Not together with `page`. 410 when it is older than 30 days, or from another history of the data. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListInboxesResponse"];
                };
            };
        };
    };
    getInbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID of the inbox.
                 * @example 019ab5f0-0000-7000-8000-0000000000a1
                 */
                inbox_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetInboxResponse"];
                };
            };
        };
    };
    whoAmI: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WhoAmIResponse"];
                };
            };
        };
    };
    listMessages: {
        parameters: {
            query?: {
                /**
                 * @description Only messages of any of these tickets.
                 * @example [
                 *       "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51"
                 *     ]
                 */
                ticket_id?: string[];
                /** @description Only messages recorded at this time or later. */
                created_since?: string;
                /** @description Only messages recorded before this time. */
                created_until?: string;
                /** @description Place to begin after: `next_cursor` of an earlier page with the same filters and order. 410 when it is older than 30 days, or from another history of the data. */
                cursor?: string;
                /** @description Greatest number of items on a page. A page may have fewer, so that the answer stays below 4 MiB. */
                per_page?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListMessagesResponse"];
                };
            };
        };
    };
    listTags: {
        parameters: {
            query?: {
                /** @description Page to read, from 1. */
                page?: number;
                /** @description Greatest number of items on a page. */
                per_page?: number;
                /** @description Place to begin after: `next_cursor` of an earlier page with the same filters and order. Not together with `page`. 410 when it is older than 30 days, or from another history of the data. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListTagsResponse"];
                };
            };
        };
    };
    listTickets: {
        parameters: {
            query?: {
                /** @description Page to read, from 1. */
                page?: number;
                /** @description Greatest number of items on a page. */
                per_page?: number;
                /** @description Only tickets in any of these states. */
                status?: components["schemas"]["TicketStatus"][];
                /**
                 * @description Only tickets of any of these inboxes.
                 * @example [
                 *       "019ab5f0-0000-7000-8000-0000000000a1"
                 *     ]
                 */
                inbox_id?: string[];
                /** @description Only tickets of any of these agents; `none` means unassigned ones. */
                assignee_id?: string[];
                /** @description Only tickets of any of these priorities. */
                priority?: components["schemas"]["TicketPriority"][];
                /** @description Only tickets with this tag: its UUID or its name. */
                tag?: string;
                /** @description Only tickets of this requester, ignoring letter case. In a URL a `+` must be written `%2B`, since a plain one means a space. */
                requester_email?: string;
                /** @description Only tickets whose subject contains this text, ignoring letter case and diacritics (`cafe` finds `CAFÉ`). */
                q?: string;
                /** @description Only tickets opened at this time or later. */
                created_since?: string;
                /** @description Only tickets changed at this time or later, to keep a copy up to date: use the newest `updated_at` that you have, or `meta.safe_since` of the last answer. A change is listed only after all older writes have ended; lists without this filter show everything at once. */
                updated_since?: string;
                /** @description Order; `-` means descending. */
                sort?: "created_at" | "-created_at" | "updated_at" | "-updated_at" | "ticket_number" | "-ticket_number";
                /** @description Place to begin after: `next_cursor` of an earlier page with the same filters and order. Not together with `page`. 410 when it is older than 30 days, or from another history of the data. */
                cursor?: string;
                /**
                 * @description Only tickets with any of these ids.
                 * @example [
                 *       "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51"
                 *     ]
                 */
                ids?: string[];
                /** @description Only tickets changed before this time. */
                updated_until?: string;
                /** @description `messages`: each ticket has its newest 25 messages, without internal notes. Needs the scope `messages:read` too. */
                include?: "messages"[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListTicketsResponse"];
                };
            };
        };
    };
    createTicket: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "subject": "Refund for order 1042",
                 *       "inbox_id": "019ab5f0-0000-7000-8000-0000000000a1"
                 *     }
                 */
                "application/json": components["schemas"]["CreateTicketRequest"];
            };
        };
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreateTicketResponse"];
                };
            };
        };
    };
    getTicket: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID or number of the ticket.
                 * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
                 */
                ticket_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetTicketResponse"];
                };
            };
        };
    };
    updateTicket: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID or number of the ticket.
                 * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
                 */
                ticket_id: string;
            };
            cookie?: never;
        };
        /** @description New values. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "subject": "Refund for order 1042"
                 *     }
                 */
                "application/json": components["schemas"]["TicketChanges"];
                /**
                 * @example {
                 *       "subject": "Refund for order 1042"
                 *     }
                 */
                "application/merge-patch+json": components["schemas"]["TicketChanges"];
            };
        };
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UpdateTicketResponse"];
                };
            };
        };
    };
    listTicketMessages: {
        parameters: {
            query?: {
                /** @description Page to read, from 1. */
                page?: number;
                /** @description Greatest number of items on a page. */
                per_page?: number;
                /** @description Place to begin after: `next_cursor` of an earlier page with the same filters and order. Not together with `page`. 410 when it is older than 30 days, or from another history of the data. */
                cursor?: string;
            };
            header?: never;
            path: {
                /**
                 * @description UUID or number of the ticket.
                 * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
                 */
                ticket_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListTicketMessagesResponse"];
                };
            };
        };
    };
    createTicketNote: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID or number of the ticket.
                 * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
                 */
                ticket_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "body_text": "Asked the warehouse."
                 *     }
                 */
                "application/json": components["schemas"]["CreateTicketNoteRequest"];
            };
        };
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreateTicketNoteResponse"];
                };
            };
        };
    };
    listTicketTags: {
        parameters: {
            query?: {
                /** @description Page to read, from 1. */
                page?: number;
                /** @description Greatest number of items on a page. */
                per_page?: number;
                /** @description Place to begin after: `next_cursor` of an earlier page with the same filters and order. Not together with `page`. 410 when it is older than 30 days, or from another history of the data. */
                cursor?: string;
            };
            header?: never;
            path: {
                /**
                 * @description UUID or number of the ticket.
                 * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
                 */
                ticket_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListTicketTagsResponse"];
                };
            };
        };
    };
    addTicketTag: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID or number of the ticket.
                 * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
                 */
                ticket_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "tag_name": "billing"
                 *     }
                 */
                "application/json": components["schemas"]["AddTicketTagRequest"];
            };
        };
        responses: {
            /** @description It was so already. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AddTicketTagResponse"];
                };
            };
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AddTicketTagResponse"];
                };
            };
        };
    };
    removeTicketTag: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID or number of the ticket.
                 * @example 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51
                 */
                ticket_id: string;
                /**
                 * @description UUID of the tag.
                 * @example 019ab5f0-0000-7000-8000-0000000000c1
                 */
                tag_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listEventTypes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListEventTypesResponse"];
                };
            };
        };
    };
    listWebhookEndpoints: {
        parameters: {
            query?: {
                /** @description Page to read, from 1. */
                page?: number;
                /** @description Greatest number of items on a page. */
                per_page?: number;
                /** @description Place to begin after: `next_cursor` of an earlier page with the same filters and order. Not together with `page`. 410 when it is older than 30 days, or from another history of the data. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListWebhookEndpointsResponse"];
                };
            };
        };
    };
    createWebhookEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "url": "https://example.com/hooks/inboxops",
                 *       "events": [
                 *         "ticket.*"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["CreateWebhookEndpointRequest"];
            };
        };
        responses: {
            /** @description It was made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreateWebhookEndpointResponse"];
                };
            };
        };
    };
    getWebhookEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID of the endpoint.
                 * @example 019ab5f0-0000-7000-8000-0000000000f1
                 */
                endpoint_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetWebhookEndpointResponse"];
                };
            };
        };
    };
    deleteWebhookEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID of the endpoint.
                 * @example 019ab5f0-0000-7000-8000-0000000000f1
                 */
                endpoint_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    updateWebhookEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID of the endpoint.
                 * @example 019ab5f0-0000-7000-8000-0000000000f1
                 */
                endpoint_id: string;
            };
            cookie?: never;
        };
        /** @description New values. */
        requestBody: {
            content: {
                /** @example {} */
                "application/json": components["schemas"]["WebhookEndpointChanges"];
                /** @example {} */
                "application/merge-patch+json": components["schemas"]["WebhookEndpointChanges"];
            };
        };
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UpdateWebhookEndpointResponse"];
                };
            };
        };
    };
    listDeliveries: {
        parameters: {
            query?: {
                /** @description Only deliveries in any of these states. */
                status?: components["schemas"]["DeliveryStatus"][];
                /** @description Greatest number of items on a page. */
                per_page?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Only deliveries of any of these events. */
                event?: ("ticket.created" | "ticket.updated" | "ticket.assigned" | "ticket.status_changed" | "ticket.closed" | "message.received" | "message.sent" | "inbox.error")[];
                /** @description Only deliveries of events from this time on. */
                created_since?: string;
                /** @description Only deliveries of events before this time. */
                created_until?: string;
                /** @description Only the delivery with this UUID, or those of the event with this UUID. */
                id?: string;
            };
            header?: never;
            path: {
                /**
                 * @description UUID of the endpoint. Empty for all endpoints of the workspace, which only gRPC can say.
                 * @example 019ab5f0-0000-7000-8000-0000000000f1
                 */
                endpoint_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListDeliveriesResponse"];
                };
            };
        };
    };
    promoteSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID of the endpoint.
                 * @example 019ab5f0-0000-7000-8000-0000000000f1
                 */
                endpoint_id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": components["schemas"]["PromoteSecretRequest"];
            };
        };
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PromoteSecretResponse"];
                };
            };
        };
    };
    recoverDeliveries: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID of the endpoint.
                 * @example 019ab5f0-0000-7000-8000-0000000000f1
                 */
                endpoint_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "since": "2026-01-31T09:30:00Z"
                 *     }
                 */
                "application/json": components["schemas"]["RecoverDeliveriesRequest"];
            };
        };
        responses: {
            /** @description It was so already. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RecoverDeliveriesResponse"];
                };
            };
            /** @description It was taken on and is not done yet. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RecoverDeliveriesResponse"];
                };
            };
        };
    };
    getRecovery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID of the endpoint.
                 * @example 019ab5f0-0000-7000-8000-0000000000f1
                 */
                endpoint_id: string;
                /**
                 * @description UUID of the job.
                 * @example 019ab5f0-0000-7000-8000-0000000001a1
                 */
                recovery_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetRecoveryResponse"];
                };
            };
        };
    };
    resendEndpointDeliveries: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID of the endpoint.
                 * @example 019ab5f0-0000-7000-8000-0000000000f1
                 */
                endpoint_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "status": [
                 *         "failed",
                 *         "canceled"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["ResendEndpointDeliveriesRequest"];
            };
        };
        responses: {
            /** @description It was so already. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResendEndpointDeliveriesResponse"];
                };
            };
            /** @description It was taken on and is not done yet. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResendEndpointDeliveriesResponse"];
                };
            };
        };
    };
    rotateSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID of the endpoint.
                 * @example 019ab5f0-0000-7000-8000-0000000000f1
                 */
                endpoint_id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": components["schemas"]["RotateSecretRequest"];
            };
        };
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RotateSecretResponse"];
                };
            };
        };
    };
    getEndpointStats: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID of the endpoint.
                 * @example 019ab5f0-0000-7000-8000-0000000000f1
                 */
                endpoint_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetEndpointStatsResponse"];
                };
            };
        };
    };
    sendTestEvent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description UUID of the endpoint.
                 * @example 019ab5f0-0000-7000-8000-0000000000f1
                 */
                endpoint_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "event": "ticket.created"
                 *     }
                 */
                "application/json": components["schemas"]["SendTestEventRequest"];
            };
        };
        responses: {
            /** @description It was taken on and is not done yet. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SendTestEventResponse"];
                };
            };
        };
    };
    listUndelivered: {
        parameters: {
            query?: {
                /** @description Events from this time on; without it, all that are kept. */
                since?: string;
                /** @description Greatest number of items on a page. */
                per_page?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                /**
                 * @description UUID of the endpoint.
                 * @example 019ab5f0-0000-7000-8000-0000000000f1
                 */
                endpoint_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListUndeliveredResponse"];
                };
            };
        };
    };
    onTicketCreated: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "event": "ticket.created",
                 *       "event_id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *       "tenant_id": "019ab5f0-0000-7000-8000-000000000001",
                 *       "created_at": "2026-01-31T09:30:00.000000Z",
                 *       "data": {
                 *         "actor": {
                 *           "type": "api_key",
                 *           "id": "019ab5f0-0000-7000-8000-0000000000e1",
                 *           "name": "Sync job"
                 *         },
                 *         "group": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d50",
                 *         "ticket": {
                 *           "id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *           "ticket_number": 1042,
                 *           "subject": "Refund for order 1042",
                 *           "status": "open",
                 *           "priority": "low",
                 *           "inbox_id": "019ab5f0-0000-7000-8000-0000000000a1",
                 *           "assignee_id": null,
                 *           "requester": {
                 *             "name": "Ada Lovelace",
                 *             "email": "ada@example.com"
                 *           },
                 *           "tags": [
                 *             {
                 *               "id": "019ab5f0-0000-7000-8000-0000000000c1",
                 *               "name": "billing"
                 *             }
                 *           ],
                 *           "channel": "email",
                 *           "message_count": 0,
                 *           "last_message_at": null,
                 *           "created_at": "2026-01-31T09:30:00.000000Z",
                 *           "updated_at": "2026-01-31T09:30:00.000000Z",
                 *           "solved_at": null,
                 *           "closed_at": null,
                 *           "version": 1
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["TicketCreatedEvent"];
            };
        };
        responses: {
            /** @description The endpoint has the event. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onTicketUpdated: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "event": "ticket.updated",
                 *       "event_id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *       "tenant_id": "019ab5f0-0000-7000-8000-000000000001",
                 *       "created_at": "2026-01-31T09:30:00.000000Z",
                 *       "data": {
                 *         "actor": {
                 *           "type": "api_key",
                 *           "id": "019ab5f0-0000-7000-8000-0000000000e1",
                 *           "name": "Sync job"
                 *         },
                 *         "group": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d50",
                 *         "ticket": {
                 *           "id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *           "ticket_number": 1042,
                 *           "subject": "Refund for order 1042",
                 *           "status": "open",
                 *           "priority": "high",
                 *           "inbox_id": "019ab5f0-0000-7000-8000-0000000000a1",
                 *           "assignee_id": null,
                 *           "requester": {
                 *             "name": "Ada Lovelace",
                 *             "email": "ada@example.com"
                 *           },
                 *           "tags": [
                 *             {
                 *               "id": "019ab5f0-0000-7000-8000-0000000000c1",
                 *               "name": "billing"
                 *             }
                 *           ],
                 *           "channel": "email",
                 *           "message_count": 0,
                 *           "last_message_at": null,
                 *           "created_at": "2026-01-31T09:30:00.000000Z",
                 *           "updated_at": "2026-01-31T09:30:00.000000Z",
                 *           "solved_at": null,
                 *           "closed_at": null,
                 *           "version": 1
                 *         },
                 *         "changes": {
                 *           "priority": {
                 *             "from": "low",
                 *             "to": "high"
                 *           }
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["TicketUpdatedEvent"];
            };
        };
        responses: {
            /** @description The endpoint has the event. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onTicketAssigned: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "event": "ticket.assigned",
                 *       "event_id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *       "tenant_id": "019ab5f0-0000-7000-8000-000000000001",
                 *       "created_at": "2026-01-31T09:30:00.000000Z",
                 *       "data": {
                 *         "actor": {
                 *           "type": "api_key",
                 *           "id": "019ab5f0-0000-7000-8000-0000000000e1",
                 *           "name": "Sync job"
                 *         },
                 *         "group": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d50",
                 *         "ticket": {
                 *           "id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *           "ticket_number": 1042,
                 *           "subject": "Refund for order 1042",
                 *           "status": "open",
                 *           "priority": "low",
                 *           "inbox_id": "019ab5f0-0000-7000-8000-0000000000a1",
                 *           "assignee_id": "019ab5f0-0000-7000-8000-0000000000b1",
                 *           "requester": {
                 *             "name": "Ada Lovelace",
                 *             "email": "ada@example.com"
                 *           },
                 *           "tags": [
                 *             {
                 *               "id": "019ab5f0-0000-7000-8000-0000000000c1",
                 *               "name": "billing"
                 *             }
                 *           ],
                 *           "channel": "email",
                 *           "message_count": 0,
                 *           "last_message_at": null,
                 *           "created_at": "2026-01-31T09:30:00.000000Z",
                 *           "updated_at": "2026-01-31T09:30:00.000000Z",
                 *           "solved_at": null,
                 *           "closed_at": null,
                 *           "version": 1
                 *         },
                 *         "changes": {
                 *           "assignee_id": {
                 *             "from": null,
                 *             "to": "019ab5f0-0000-7000-8000-0000000000b1"
                 *           }
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["TicketAssignedEvent"];
            };
        };
        responses: {
            /** @description The endpoint has the event. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onTicketStatusChanged: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "event": "ticket.status_changed",
                 *       "event_id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *       "tenant_id": "019ab5f0-0000-7000-8000-000000000001",
                 *       "created_at": "2026-01-31T09:30:00.000000Z",
                 *       "data": {
                 *         "actor": {
                 *           "type": "api_key",
                 *           "id": "019ab5f0-0000-7000-8000-0000000000e1",
                 *           "name": "Sync job"
                 *         },
                 *         "group": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d50",
                 *         "ticket": {
                 *           "id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *           "ticket_number": 1042,
                 *           "subject": "Refund for order 1042",
                 *           "status": "closed",
                 *           "priority": "low",
                 *           "inbox_id": "019ab5f0-0000-7000-8000-0000000000a1",
                 *           "assignee_id": null,
                 *           "requester": {
                 *             "name": "Ada Lovelace",
                 *             "email": "ada@example.com"
                 *           },
                 *           "tags": [
                 *             {
                 *               "id": "019ab5f0-0000-7000-8000-0000000000c1",
                 *               "name": "billing"
                 *             }
                 *           ],
                 *           "channel": "email",
                 *           "message_count": 0,
                 *           "last_message_at": null,
                 *           "created_at": "2026-01-31T09:30:00.000000Z",
                 *           "updated_at": "2026-01-31T09:30:00.000000Z",
                 *           "solved_at": null,
                 *           "closed_at": "2026-01-31T09:30:00.000000Z",
                 *           "version": 1
                 *         },
                 *         "changes": {
                 *           "status": {
                 *             "from": "open",
                 *             "to": "closed"
                 *           }
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["TicketStatusChangedEvent"];
            };
        };
        responses: {
            /** @description The endpoint has the event. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onTicketClosed: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "event": "ticket.closed",
                 *       "event_id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *       "tenant_id": "019ab5f0-0000-7000-8000-000000000001",
                 *       "created_at": "2026-01-31T09:30:00.000000Z",
                 *       "data": {
                 *         "actor": {
                 *           "type": "api_key",
                 *           "id": "019ab5f0-0000-7000-8000-0000000000e1",
                 *           "name": "Sync job"
                 *         },
                 *         "group": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d50",
                 *         "ticket": {
                 *           "id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *           "ticket_number": 1042,
                 *           "subject": "Refund for order 1042",
                 *           "status": "closed",
                 *           "priority": "low",
                 *           "inbox_id": "019ab5f0-0000-7000-8000-0000000000a1",
                 *           "assignee_id": null,
                 *           "requester": {
                 *             "name": "Ada Lovelace",
                 *             "email": "ada@example.com"
                 *           },
                 *           "tags": [
                 *             {
                 *               "id": "019ab5f0-0000-7000-8000-0000000000c1",
                 *               "name": "billing"
                 *             }
                 *           ],
                 *           "channel": "email",
                 *           "message_count": 0,
                 *           "last_message_at": null,
                 *           "created_at": "2026-01-31T09:30:00.000000Z",
                 *           "updated_at": "2026-01-31T09:30:00.000000Z",
                 *           "solved_at": null,
                 *           "closed_at": "2026-01-31T09:30:00.000000Z",
                 *           "version": 1
                 *         },
                 *         "changes": {
                 *           "status": {
                 *             "from": "open",
                 *             "to": "closed"
                 *           }
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["TicketClosedEvent"];
            };
        };
        responses: {
            /** @description The endpoint has the event. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onMessageReceived: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "event": "message.received",
                 *       "event_id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *       "tenant_id": "019ab5f0-0000-7000-8000-000000000001",
                 *       "created_at": "2026-01-31T09:30:00.000000Z",
                 *       "data": {
                 *         "actor": {
                 *           "type": "api_key",
                 *           "id": "019ab5f0-0000-7000-8000-0000000000e1",
                 *           "name": "Sync job"
                 *         },
                 *         "group": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d50",
                 *         "ticket": {
                 *           "id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *           "ticket_number": 1042,
                 *           "subject": "Refund for order 1042",
                 *           "status": "open",
                 *           "priority": "low",
                 *           "inbox_id": "019ab5f0-0000-7000-8000-0000000000a1",
                 *           "assignee_id": null,
                 *           "requester": {
                 *             "name": "Ada Lovelace",
                 *             "email": "ada@example.com"
                 *           },
                 *           "tags": [
                 *             {
                 *               "id": "019ab5f0-0000-7000-8000-0000000000c1",
                 *               "name": "billing"
                 *             }
                 *           ],
                 *           "channel": "email",
                 *           "message_count": 0,
                 *           "last_message_at": null,
                 *           "created_at": "2026-01-31T09:30:00.000000Z",
                 *           "updated_at": "2026-01-31T09:30:00.000000Z",
                 *           "solved_at": null,
                 *           "closed_at": null,
                 *           "version": 1
                 *         },
                 *         "message": {
                 *           "id": "019ab5f0-0000-7000-8000-0000000000d1",
                 *           "ticket_id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *           "type": "inbound",
                 *           "author": {
                 *             "type": "customer",
                 *             "id": null,
                 *             "name": "Sync job",
                 *             "email": null
                 *           },
                 *           "body_text": "Asked the warehouse.",
                 *           "body_html": "<p>Asked the warehouse.</p>",
                 *           "created_at": "2026-01-31T09:30:00.000000Z",
                 *           "truncated": false,
                 *           "sent_at": null
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["MessageReceivedEvent"];
            };
        };
        responses: {
            /** @description The endpoint has the event. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onMessageSent: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "event": "message.sent",
                 *       "event_id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *       "tenant_id": "019ab5f0-0000-7000-8000-000000000001",
                 *       "created_at": "2026-01-31T09:30:00.000000Z",
                 *       "data": {
                 *         "actor": {
                 *           "type": "api_key",
                 *           "id": "019ab5f0-0000-7000-8000-0000000000e1",
                 *           "name": "Sync job"
                 *         },
                 *         "group": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d50",
                 *         "ticket": {
                 *           "id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *           "ticket_number": 1042,
                 *           "subject": "Refund for order 1042",
                 *           "status": "open",
                 *           "priority": "low",
                 *           "inbox_id": "019ab5f0-0000-7000-8000-0000000000a1",
                 *           "assignee_id": null,
                 *           "requester": {
                 *             "name": "Ada Lovelace",
                 *             "email": "ada@example.com"
                 *           },
                 *           "tags": [
                 *             {
                 *               "id": "019ab5f0-0000-7000-8000-0000000000c1",
                 *               "name": "billing"
                 *             }
                 *           ],
                 *           "channel": "email",
                 *           "message_count": 0,
                 *           "last_message_at": null,
                 *           "created_at": "2026-01-31T09:30:00.000000Z",
                 *           "updated_at": "2026-01-31T09:30:00.000000Z",
                 *           "solved_at": null,
                 *           "closed_at": null,
                 *           "version": 1
                 *         },
                 *         "message": {
                 *           "id": "019ab5f0-0000-7000-8000-0000000000d1",
                 *           "ticket_id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *           "type": "inbound",
                 *           "author": {
                 *             "type": "customer",
                 *             "id": null,
                 *             "name": "Sync job",
                 *             "email": null
                 *           },
                 *           "body_text": "Asked the warehouse.",
                 *           "body_html": "<p>Asked the warehouse.</p>",
                 *           "created_at": "2026-01-31T09:30:00.000000Z",
                 *           "truncated": false,
                 *           "sent_at": null
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["MessageSentEvent"];
            };
        };
        responses: {
            /** @description The endpoint has the event. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onInboxError: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "event": "inbox.error",
                 *       "event_id": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
                 *       "tenant_id": "019ab5f0-0000-7000-8000-000000000001",
                 *       "created_at": "2026-01-31T09:30:00.000000Z",
                 *       "data": {
                 *         "actor": {
                 *           "type": "api_key",
                 *           "id": "019ab5f0-0000-7000-8000-0000000000e1",
                 *           "name": "Sync job"
                 *         },
                 *         "group": "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d50",
                 *         "inbox": {
                 *           "id": "019ab5f0-0000-7000-8000-0000000000a1",
                 *           "name": "Support",
                 *           "email_address": "support@example.com",
                 *           "channel": "email",
                 *           "status": "error",
                 *           "error": {
                 *             "code": "auth_failed",
                 *             "message": "The mail server refused the password.",
                 *             "since": "2026-01-31T09:30:00.000000Z"
                 *           },
                 *           "created_at": "2026-01-31T09:30:00.000000Z",
                 *           "updated_at": "2026-01-31T09:30:00.000000Z"
                 *         },
                 *         "error": {
                 *           "code": "auth_failed",
                 *           "message": "The mail server refused the password.",
                 *           "since": "2026-01-31T09:30:00.000000Z"
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["InboxErrorEvent"];
            };
        };
        responses: {
            /** @description The endpoint has the event. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
}
