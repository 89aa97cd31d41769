# Made by generate.py; do not edit.
"""Every operation of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack, cast

from .._request import CallOptions, Request
from . import types

if TYPE_CHECKING:
    from .._sync.http import Http


class Calls:
    """Every operation of the API by its name in the OpenAPI document, with whole bodies."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def add_ticket_tag(
        self, ticket_id: str | int, body: types.AddTicketTagRequest, **options: Unpack[CallOptions]
    ) -> types.AddTicketTagResponse:
        """Add a tag to a ticket: `POST /api/v1/tickets/{ticket_id}/tags`. Needs the scope `tags:write`."""
        request = Request("POST", "/api/v1/tickets/{ticket_id}/tags", {"ticket_id": ticket_id}, None, body)
        return cast(types.AddTicketTagResponse, self._http.json(request, options))

    def cancel_delivery(
        self, delivery_id: str | int, **options: Unpack[CallOptions]
    ) -> types.CancelDeliveryResponse:
        """Cancel a delivery: `POST /api/v1/deliveries/{delivery_id}/cancel`. Needs the scope `webhooks:manage`."""
        request = Request("POST", "/api/v1/deliveries/{delivery_id}/cancel", {"delivery_id": delivery_id}, None, None)
        return cast(types.CancelDeliveryResponse, self._http.json(request, options))

    def create_ticket(
        self, body: types.CreateTicketRequest, **options: Unpack[CallOptions]
    ) -> types.CreateTicketResponse:
        """Open a ticket: `POST /api/v1/tickets`. Needs the scope `tickets:write`."""
        request = Request("POST", "/api/v1/tickets", {}, None, body)
        return cast(types.CreateTicketResponse, self._http.json(request, options))

    def create_ticket_note(
        self, ticket_id: str | int, body: types.CreateTicketNoteRequest, **options: Unpack[CallOptions]
    ) -> types.CreateTicketNoteResponse:
        """Write an internal note: `POST /api/v1/tickets/{ticket_id}/messages`. Needs the scope `messages:write`."""
        request = Request("POST", "/api/v1/tickets/{ticket_id}/messages", {"ticket_id": ticket_id}, None, body)
        return cast(types.CreateTicketNoteResponse, self._http.json(request, options))

    def create_webhook_endpoint(
        self, body: types.CreateWebhookEndpointRequest, **options: Unpack[CallOptions]
    ) -> types.CreateWebhookEndpointResponse:
        """Add a webhook endpoint: `POST /api/v1/webhooks`. Needs the scope `webhooks:manage`."""
        request = Request("POST", "/api/v1/webhooks", {}, None, body)
        return cast(types.CreateWebhookEndpointResponse, self._http.json(request, options))

    def delete_webhook_endpoint(self, endpoint_id: str | int, **options: Unpack[CallOptions]) -> None:
        """Delete a webhook endpoint: `DELETE /api/v1/webhooks/{endpoint_id}`. Needs the scope `webhooks:manage`."""
        request = Request("DELETE", "/api/v1/webhooks/{endpoint_id}", {"endpoint_id": endpoint_id}, None, None)
        return cast(None, self._http.json(request, options))

    def get_delivery(self, delivery_id: str | int, **options: Unpack[CallOptions]) -> types.GetDeliveryResponse:
        """Get a delivery: `GET /api/v1/deliveries/{delivery_id}`. Needs the scope `webhooks:read`."""
        request = Request("GET", "/api/v1/deliveries/{delivery_id}", {"delivery_id": delivery_id}, None, None)
        return cast(types.GetDeliveryResponse, self._http.json(request, options))

    def get_endpoint_stats(
        self, endpoint_id: str | int, **options: Unpack[CallOptions]
    ) -> types.GetEndpointStatsResponse:
        """Get the statistics of an endpoint: `GET /api/v1/webhooks/{endpoint_id}/stats`. Needs the scope `webhooks:read`."""
        request = Request("GET", "/api/v1/webhooks/{endpoint_id}/stats", {"endpoint_id": endpoint_id}, None, None)
        return cast(types.GetEndpointStatsResponse, self._http.json(request, options))

    def get_inbox(self, inbox_id: str | int, **options: Unpack[CallOptions]) -> types.GetInboxResponse:
        """Get an inbox: `GET /api/v1/inboxes/{inbox_id}`. Needs the scope `inboxes:read`."""
        request = Request("GET", "/api/v1/inboxes/{inbox_id}", {"inbox_id": inbox_id}, None, None)
        return cast(types.GetInboxResponse, self._http.json(request, options))

    def get_recovery(
        self, endpoint_id: str | int, recovery_id: str | int, **options: Unpack[CallOptions]
    ) -> types.GetRecoveryResponse:
        """Get a job of an endpoint: `GET /api/v1/webhooks/{endpoint_id}/recoveries/{recovery_id}`. Needs the scope `webhooks:read`."""
        request = Request("GET", "/api/v1/webhooks/{endpoint_id}/recoveries/{recovery_id}", {"endpoint_id": endpoint_id, "recovery_id": recovery_id}, None, None)
        return cast(types.GetRecoveryResponse, self._http.json(request, options))

    def get_ticket(self, ticket_id: str | int, **options: Unpack[CallOptions]) -> types.GetTicketResponse:
        """Get a ticket: `GET /api/v1/tickets/{ticket_id}`. Needs the scope `tickets:read`."""
        request = Request("GET", "/api/v1/tickets/{ticket_id}", {"ticket_id": ticket_id}, None, None)
        return cast(types.GetTicketResponse, self._http.json(request, options))

    def get_webhook_endpoint(
        self, endpoint_id: str | int, **options: Unpack[CallOptions]
    ) -> types.GetWebhookEndpointResponse:
        """Get a webhook endpoint: `GET /api/v1/webhooks/{endpoint_id}`. Needs the scope `webhooks:read`."""
        request = Request("GET", "/api/v1/webhooks/{endpoint_id}", {"endpoint_id": endpoint_id}, None, None)
        return cast(types.GetWebhookEndpointResponse, self._http.json(request, options))

    def list_agents(
        self, query: types.ListAgentsQuery | None = None, **options: Unpack[CallOptions]
    ) -> types.ListAgentsResponse:
        """List agents: `GET /api/v1/agents`. Needs the scope `tickets:read`."""
        request = Request("GET", "/api/v1/agents", {}, query, None)
        return cast(types.ListAgentsResponse, self._http.json(request, options))

    def list_audit_log(
        self, query: types.ListAuditLogQuery | None = None, **options: Unpack[CallOptions]
    ) -> types.ListAuditLogResponse:
        """List the audit log: `GET /api/v1/audit`. Needs the scope `audit:read`."""
        request = Request("GET", "/api/v1/audit", {}, query, None)
        return cast(types.ListAuditLogResponse, self._http.json(request, options))

    def list_deliveries(
        self, endpoint_id: str | int, query: types.ListDeliveriesQuery | None = None, **options: Unpack[CallOptions]
    ) -> types.ListDeliveriesResponse:
        """List the deliveries of an endpoint: `GET /api/v1/webhooks/{endpoint_id}/deliveries`. Needs the scope `webhooks:read`."""
        request = Request("GET", "/api/v1/webhooks/{endpoint_id}/deliveries", {"endpoint_id": endpoint_id}, query, None)
        return cast(types.ListDeliveriesResponse, self._http.json(request, options))

    def list_event_types(self, **options: Unpack[CallOptions]) -> types.ListEventTypesResponse:
        """List the event types: `GET /api/v1/webhook-event-types`. Needs the scope `webhooks:read`."""
        request = Request("GET", "/api/v1/webhook-event-types", {}, None, None)
        return cast(types.ListEventTypesResponse, self._http.json(request, options))

    def list_events(
        self, query: types.ListEventsQuery | None = None, **options: Unpack[CallOptions]
    ) -> types.ListEventsResponse:
        """List events: `GET /api/v1/events`. Needs the scope `events:read`."""
        request = Request("GET", "/api/v1/events", {}, query, None)
        return cast(types.ListEventsResponse, self._http.json(request, options))

    def list_inboxes(
        self, query: types.ListInboxesQuery | None = None, **options: Unpack[CallOptions]
    ) -> types.ListInboxesResponse:
        """List inboxes: `GET /api/v1/inboxes`. Needs the scope `inboxes:read`."""
        request = Request("GET", "/api/v1/inboxes", {}, query, None)
        return cast(types.ListInboxesResponse, self._http.json(request, options))

    def list_messages(
        self, query: types.ListMessagesQuery | None = None, **options: Unpack[CallOptions]
    ) -> types.ListMessagesResponse:
        """List the messages of all tickets: `GET /api/v1/messages`. Needs the scope `messages:read`."""
        request = Request("GET", "/api/v1/messages", {}, query, None)
        return cast(types.ListMessagesResponse, self._http.json(request, options))

    def list_tags(
        self, query: types.ListTagsQuery | None = None, **options: Unpack[CallOptions]
    ) -> types.ListTagsResponse:
        """List the tags of the tenant: `GET /api/v1/tags`. Needs the scope `tags:read`."""
        request = Request("GET", "/api/v1/tags", {}, query, None)
        return cast(types.ListTagsResponse, self._http.json(request, options))

    def list_ticket_messages(
        self, ticket_id: str | int, query: types.ListTicketMessagesQuery | None = None, **options: Unpack[CallOptions]
    ) -> types.ListTicketMessagesResponse:
        """List the messages of a ticket: `GET /api/v1/tickets/{ticket_id}/messages`. Needs the scope `messages:read`."""
        request = Request("GET", "/api/v1/tickets/{ticket_id}/messages", {"ticket_id": ticket_id}, query, None)
        return cast(types.ListTicketMessagesResponse, self._http.json(request, options))

    def list_ticket_tags(
        self, ticket_id: str | int, query: types.ListTicketTagsQuery | None = None, **options: Unpack[CallOptions]
    ) -> types.ListTicketTagsResponse:
        """List the tags of a ticket: `GET /api/v1/tickets/{ticket_id}/tags`. Needs the scope `tags:read`."""
        request = Request("GET", "/api/v1/tickets/{ticket_id}/tags", {"ticket_id": ticket_id}, query, None)
        return cast(types.ListTicketTagsResponse, self._http.json(request, options))

    def list_tickets(
        self, query: types.ListTicketsQuery | None = None, **options: Unpack[CallOptions]
    ) -> types.ListTicketsResponse:
        """List tickets: `GET /api/v1/tickets`. Needs the scope `tickets:read`."""
        request = Request("GET", "/api/v1/tickets", {}, query, None)
        return cast(types.ListTicketsResponse, self._http.json(request, options))

    def list_undelivered(
        self, endpoint_id: str | int, query: types.ListUndeliveredQuery | None = None, **options: Unpack[CallOptions]
    ) -> types.ListUndeliveredResponse:
        """List the events that an endpoint did not get: `GET /api/v1/webhooks/{endpoint_id}/undelivered`. Needs the scope `webhooks:read`."""
        request = Request("GET", "/api/v1/webhooks/{endpoint_id}/undelivered", {"endpoint_id": endpoint_id}, query, None)
        return cast(types.ListUndeliveredResponse, self._http.json(request, options))

    def list_webhook_endpoints(
        self, query: types.ListWebhookEndpointsQuery | None = None, **options: Unpack[CallOptions]
    ) -> types.ListWebhookEndpointsResponse:
        """List webhook endpoints: `GET /api/v1/webhooks`. Needs the scope `webhooks:read`."""
        request = Request("GET", "/api/v1/webhooks", {}, query, None)
        return cast(types.ListWebhookEndpointsResponse, self._http.json(request, options))

    def promote_secret(
        self, endpoint_id: str | int, body: types.PromoteSecretRequest | None = None, **options: Unpack[CallOptions]
    ) -> types.PromoteSecretResponse:
        """Promote the new signing secret: `POST /api/v1/webhooks/{endpoint_id}/promote-secret`. Needs the scope `webhooks:manage`."""
        request = Request("POST", "/api/v1/webhooks/{endpoint_id}/promote-secret", {"endpoint_id": endpoint_id}, None, body or {})
        return cast(types.PromoteSecretResponse, self._http.json(request, options))

    def recover_deliveries(
        self, endpoint_id: str | int, body: types.RecoverDeliveriesRequest, **options: Unpack[CallOptions]
    ) -> types.RecoverDeliveriesResponse:
        """Recover missed events: `POST /api/v1/webhooks/{endpoint_id}/recover`. Needs the scope `webhooks:manage`."""
        request = Request("POST", "/api/v1/webhooks/{endpoint_id}/recover", {"endpoint_id": endpoint_id}, None, body)
        return cast(types.RecoverDeliveriesResponse, self._http.json(request, options))

    def remove_ticket_tag(self, ticket_id: str | int, tag_id: str | int, **options: Unpack[CallOptions]) -> None:
        """Remove a tag from a ticket: `DELETE /api/v1/tickets/{ticket_id}/tags/{tag_id}`. Needs the scope `tags:write`."""
        request = Request("DELETE", "/api/v1/tickets/{ticket_id}/tags/{tag_id}", {"ticket_id": ticket_id, "tag_id": tag_id}, None, None)
        return cast(None, self._http.json(request, options))

    def resend_delivery(
        self, delivery_id: str | int, **options: Unpack[CallOptions]
    ) -> types.ResendDeliveryResponse:
        """Resend a delivery: `POST /api/v1/deliveries/{delivery_id}/resend`. Needs the scope `webhooks:manage`."""
        request = Request("POST", "/api/v1/deliveries/{delivery_id}/resend", {"delivery_id": delivery_id}, None, None)
        return cast(types.ResendDeliveryResponse, self._http.json(request, options))

    def resend_endpoint_deliveries(
        self, endpoint_id: str | int, body: types.ResendEndpointDeliveriesRequest, **options: Unpack[CallOptions]
    ) -> types.ResendEndpointDeliveriesResponse:
        """Resend deliveries of an endpoint: `POST /api/v1/webhooks/{endpoint_id}/resend`. Needs the scope `webhooks:manage`."""
        request = Request("POST", "/api/v1/webhooks/{endpoint_id}/resend", {"endpoint_id": endpoint_id}, None, body)
        return cast(types.ResendEndpointDeliveriesResponse, self._http.json(request, options))

    def rotate_secret(
        self, endpoint_id: str | int, body: types.RotateSecretRequest | None = None, **options: Unpack[CallOptions]
    ) -> types.RotateSecretResponse:
        """Rotate the signing secret: `POST /api/v1/webhooks/{endpoint_id}/rotate-secret`. Needs the scope `webhooks:manage`."""
        request = Request("POST", "/api/v1/webhooks/{endpoint_id}/rotate-secret", {"endpoint_id": endpoint_id}, None, body or {})
        return cast(types.RotateSecretResponse, self._http.json(request, options))

    def search_deliveries(
        self, query: types.SearchDeliveriesQuery | None = None, **options: Unpack[CallOptions]
    ) -> types.SearchDeliveriesResponse:
        """Search the deliveries of all endpoints: `GET /api/v1/deliveries`. Needs the scope `webhooks:read`."""
        request = Request("GET", "/api/v1/deliveries", {}, query, None)
        return cast(types.SearchDeliveriesResponse, self._http.json(request, options))

    def send_test_event(
        self, endpoint_id: str | int, body: types.SendTestEventRequest, **options: Unpack[CallOptions]
    ) -> types.SendTestEventResponse:
        """Send a test event: `POST /api/v1/webhooks/{endpoint_id}/test`. Needs the scope `webhooks:manage`."""
        request = Request("POST", "/api/v1/webhooks/{endpoint_id}/test", {"endpoint_id": endpoint_id}, None, body)
        return cast(types.SendTestEventResponse, self._http.json(request, options))

    def update_ticket(
        self, ticket_id: str | int, body: types.TicketChanges, **options: Unpack[CallOptions]
    ) -> types.UpdateTicketResponse:
        """Change a ticket: `PATCH /api/v1/tickets/{ticket_id}`. Needs the scope `tickets:write`."""
        request = Request("PATCH", "/api/v1/tickets/{ticket_id}", {"ticket_id": ticket_id}, None, body)
        return cast(types.UpdateTicketResponse, self._http.json(request, options))

    def update_webhook_endpoint(
        self, endpoint_id: str | int, body: types.WebhookEndpointChanges, **options: Unpack[CallOptions]
    ) -> types.UpdateWebhookEndpointResponse:
        """Change a webhook endpoint: `PATCH /api/v1/webhooks/{endpoint_id}`. Needs the scope `webhooks:manage`."""
        request = Request("PATCH", "/api/v1/webhooks/{endpoint_id}", {"endpoint_id": endpoint_id}, None, body)
        return cast(types.UpdateWebhookEndpointResponse, self._http.json(request, options))

    def who_am_i(self, **options: Unpack[CallOptions]) -> types.WhoAmIResponse:
        """Get the caller's identity: `GET /api/v1/me`."""
        request = Request("GET", "/api/v1/me", {}, None, None)
        return cast(types.WhoAmIResponse, self._http.json(request, options))
