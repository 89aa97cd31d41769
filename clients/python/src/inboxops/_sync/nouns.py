# Made from _async/nouns.py; do not edit.

"""The calls by noun, over the generated ones."""

from __future__ import annotations

import builtins
from functools import partial
from typing import TypeAlias, Unpack

from .._contract import PageQuery
from .._generated import types as api
from .._generated.calls import Calls
from .._request import CallOptions
from .listing import Listing

TicketId: TypeAlias = str | int
"""A ticket is named by its id or by its number."""


class _Noun:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls


class Tickets(_Noun):
    def list(self, **query: Unpack[api.ListTicketsQuery]) -> Listing[api.Ticket]:
        return Listing(query, self._calls.list_tickets)

    def get(self, id: TicketId, **options: Unpack[CallOptions]) -> api.Ticket:
        return (self._calls.get_ticket(id, **options))["data"]

    def create(self, body: api.CreateTicketRequest, **options: Unpack[CallOptions]) -> api.Ticket:
        """Mails nobody."""
        return (self._calls.create_ticket(body, **options))["data"]

    def update(self, id: TicketId, body: api.TicketChanges, **options: Unpack[CallOptions]) -> api.Ticket:
        return (self._calls.update_ticket(id, body, **options))["data"]

    def messages(self, id: TicketId, **query: Unpack[PageQuery]) -> Listing[api.Message]:
        """The conversation, oldest first, without internal notes."""
        return Listing(query, partial(self._calls.list_ticket_messages, id))

    def add_note(
        self, id: TicketId, body: api.CreateTicketNoteRequest, **options: Unpack[CallOptions]
    ) -> api.Message:
        """Adds an internal note, which no customer sees."""
        return (self._calls.create_ticket_note(id, body, **options))["data"]

    def tags(self, id: TicketId, **query: Unpack[PageQuery]) -> Listing[api.Tag]:
        return Listing(query, partial(self._calls.list_ticket_tags, id))

    def add_tag(self, id: TicketId, body: api.AddTicketTagRequest, **options: Unpack[CallOptions]) -> api.Tag:
        """Adds a tag by its id or its name; an unknown name makes the tag."""
        return (self._calls.add_ticket_tag(id, body, **options))["data"]

    def remove_tag(self, id: TicketId, tag_id: str, **options: Unpack[CallOptions]) -> None:
        self._calls.remove_ticket_tag(id, tag_id, **options)


class Messages(_Noun):
    def list(self, **query: Unpack[api.ListMessagesQuery]) -> Listing[api.Message]:
        """The messages of all tickets, oldest first, without internal notes."""
        return Listing(query, self._calls.list_messages)


class Webhooks(_Noun):
    def list(self, **query: Unpack[PageQuery]) -> Listing[api.WebhookEndpoint]:
        return Listing(query, self._calls.list_webhook_endpoints)

    def get(self, id: str, **options: Unpack[CallOptions]) -> api.WebhookEndpoint:
        return (self._calls.get_webhook_endpoint(id, **options))["data"]

    def create(
        self, body: api.CreateWebhookEndpointRequest, **options: Unpack[CallOptions]
    ) -> api.WebhookEndpoint:
        """The answer has the signing secret, this once."""
        return (self._calls.create_webhook_endpoint(body, **options))["data"]

    def update(
        self, id: str, body: api.WebhookEndpointChanges, **options: Unpack[CallOptions]
    ) -> api.WebhookEndpoint:
        return (self._calls.update_webhook_endpoint(id, body, **options))["data"]

    def delete(self, id: str, **options: Unpack[CallOptions]) -> None:
        self._calls.delete_webhook_endpoint(id, **options)

    def rotate_secret(
        self, id: str, body: api.RotateSecretRequest | None = None, **options: Unpack[CallOptions]
    ) -> api.WebhookEndpoint:
        """The answer has the new secret, this once."""
        return (self._calls.rotate_secret(id, body or {}, **options))["data"]

    def promote_secret(self, id: str, **options: Unpack[CallOptions]) -> api.WebhookEndpoint:
        return (self._calls.promote_secret(id, {}, **options))["data"]

    def test(self, id: str, body: api.SendTestEventRequest, **options: Unpack[CallOptions]) -> api.Delivery:
        """Sends a signed sample of an event, or `data` of your own. Its end is seen in the log of deliveries."""
        return (self._calls.send_test_event(id, body, **options))["data"]

    def event_types(self, **options: Unpack[CallOptions]) -> builtins.list[api.EventType]:
        return (self._calls.list_event_types(**options))["data"]

    def deliveries(self, id: str, /, **query: Unpack[api.ListDeliveriesQuery]) -> Listing[api.Delivery]:
        return Listing(query, partial(self._calls.list_deliveries, id))

    def recover(
        self, id: str, body: api.RecoverDeliveriesRequest, **options: Unpack[CallOptions]
    ) -> api.Recovery:
        """Makes deliveries for every event since a time that never succeeded."""
        return (self._calls.recover_deliveries(id, body, **options))["data"]

    def recovery(self, id: str, recovery_id: str, **options: Unpack[CallOptions]) -> api.Recovery:
        return (self._calls.get_recovery(id, recovery_id, **options))["data"]

    def resend(
        self, id: str, body: api.ResendEndpointDeliveriesRequest, **options: Unpack[CallOptions]
    ) -> api.Recovery:
        """Sends again what has one of these states."""
        return (self._calls.resend_endpoint_deliveries(id, body, **options))["data"]

    def stats(self, id: str, **options: Unpack[CallOptions]) -> api.EndpointStats:
        return (self._calls.get_endpoint_stats(id, **options))["data"]

    def undelivered(self, id: str, **query: Unpack[api.ListUndeliveredQuery]) -> Listing[api.Undelivered]:
        """The events that an endpoint did not get."""
        return Listing(query, partial(self._calls.list_undelivered, id))


class Deliveries(_Noun):
    def list(self, **query: Unpack[api.SearchDeliveriesQuery]) -> Listing[api.Delivery]:
        """The log of all endpoints."""
        return Listing(query, self._calls.search_deliveries)

    def get(self, id: str, **options: Unpack[CallOptions]) -> api.DeliveryDetail:
        """With its payload and attempts."""
        return (self._calls.get_delivery(id, **options))["data"]

    def resend(self, id: str, **options: Unpack[CallOptions]) -> api.Delivery:
        return (self._calls.resend_delivery(id, **options))["data"]

    def cancel(self, id: str, **options: Unpack[CallOptions]) -> api.Delivery:
        """Stops its attempts."""
        return (self._calls.cancel_delivery(id, **options))["data"]


class Audit(_Noun):
    def list(self, **query: Unpack[api.ListAuditLogQuery]) -> Listing[api.AuditLogEntry]:
        return Listing(query, self._calls.list_audit_log)


class Inboxes(_Noun):
    def list(self, **query: Unpack[PageQuery]) -> Listing[api.Inbox]:
        return Listing(query, self._calls.list_inboxes)

    def get(self, id: str, **options: Unpack[CallOptions]) -> api.Inbox:
        return (self._calls.get_inbox(id, **options))["data"]


class Tags(_Noun):
    def list(self, **query: Unpack[PageQuery]) -> Listing[api.Tag]:
        return Listing(query, self._calls.list_tags)


class Agents(_Noun):
    def list(self, **query: Unpack[PageQuery]) -> Listing[api.Agent]:
        return Listing(query, self._calls.list_agents)
