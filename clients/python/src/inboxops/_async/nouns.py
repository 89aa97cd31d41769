"""The calls by noun, over the generated ones."""

from __future__ import annotations

import builtins
from functools import partial
from typing import TypeAlias, Unpack

from .._contract import PageQuery
from .._generated import types as api
from .._generated.async_calls import AsyncCalls
from .._request import CallOptions
from .listing import AsyncListing

TicketId: TypeAlias = str | int
"""A ticket is named by its id or by its number."""


class _Noun:
    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls


class AsyncTickets(_Noun):
    def list(self, **query: Unpack[api.ListTicketsQuery]) -> AsyncListing[api.Ticket]:
        return AsyncListing(query, self._calls.list_tickets)

    async def get(self, id: TicketId, **options: Unpack[CallOptions]) -> api.Ticket:
        return (await self._calls.get_ticket(id, **options))["data"]

    async def create(self, body: api.CreateTicketRequest, **options: Unpack[CallOptions]) -> api.Ticket:
        """Mails nobody."""
        return (await self._calls.create_ticket(body, **options))["data"]

    async def update(self, id: TicketId, body: api.TicketChanges, **options: Unpack[CallOptions]) -> api.Ticket:
        return (await self._calls.update_ticket(id, body, **options))["data"]

    def messages(self, id: TicketId, **query: Unpack[PageQuery]) -> AsyncListing[api.Message]:
        """The conversation, oldest first, without internal notes."""
        return AsyncListing(query, partial(self._calls.list_ticket_messages, id))

    async def add_note(
        self, id: TicketId, body: api.CreateTicketNoteRequest, **options: Unpack[CallOptions]
    ) -> api.Message:
        """Adds an internal note, which no customer sees."""
        return (await self._calls.create_ticket_note(id, body, **options))["data"]

    def tags(self, id: TicketId, **query: Unpack[PageQuery]) -> AsyncListing[api.Tag]:
        return AsyncListing(query, partial(self._calls.list_ticket_tags, id))

    async def add_tag(self, id: TicketId, body: api.AddTicketTagRequest, **options: Unpack[CallOptions]) -> api.Tag:
        """Adds a tag by its id or its name; an unknown name makes the tag."""
        return (await self._calls.add_ticket_tag(id, body, **options))["data"]

    async def remove_tag(self, id: TicketId, tag_id: str, **options: Unpack[CallOptions]) -> None:
        await self._calls.remove_ticket_tag(id, tag_id, **options)


class AsyncMessages(_Noun):
    def list(self, **query: Unpack[api.ListMessagesQuery]) -> AsyncListing[api.Message]:
        """The messages of all tickets, oldest first, without internal notes."""
        return AsyncListing(query, self._calls.list_messages)


class AsyncWebhooks(_Noun):
    def list(self, **query: Unpack[PageQuery]) -> AsyncListing[api.WebhookEndpoint]:
        return AsyncListing(query, self._calls.list_webhook_endpoints)

    async def get(self, id: str, **options: Unpack[CallOptions]) -> api.WebhookEndpoint:
        return (await self._calls.get_webhook_endpoint(id, **options))["data"]

    async def create(
        self, body: api.CreateWebhookEndpointRequest, **options: Unpack[CallOptions]
    ) -> api.WebhookEndpoint:
        """The answer has the signing secret, this once."""
        return (await self._calls.create_webhook_endpoint(body, **options))["data"]

    async def update(
        self, id: str, body: api.WebhookEndpointChanges, **options: Unpack[CallOptions]
    ) -> api.WebhookEndpoint:
        return (await self._calls.update_webhook_endpoint(id, body, **options))["data"]

    async def delete(self, id: str, **options: Unpack[CallOptions]) -> None:
        await self._calls.delete_webhook_endpoint(id, **options)

    async def rotate_secret(
        self, id: str, body: api.RotateSecretRequest | None = None, **options: Unpack[CallOptions]
    ) -> api.WebhookEndpoint:
        """The answer has the new secret, this once."""
        return (await self._calls.rotate_secret(id, body or {}, **options))["data"]

    async def promote_secret(self, id: str, **options: Unpack[CallOptions]) -> api.WebhookEndpoint:
        return (await self._calls.promote_secret(id, {}, **options))["data"]

    async def test(self, id: str, body: api.SendTestEventRequest, **options: Unpack[CallOptions]) -> api.Delivery:
        """Sends a signed sample of an event, or `data` of your own. Its end is seen in the log of deliveries."""
        return (await self._calls.send_test_event(id, body, **options))["data"]

    async def event_types(self, **options: Unpack[CallOptions]) -> builtins.list[api.EventType]:
        return (await self._calls.list_event_types(**options))["data"]

    def deliveries(self, id: str, /, **query: Unpack[api.ListDeliveriesQuery]) -> AsyncListing[api.Delivery]:
        return AsyncListing(query, partial(self._calls.list_deliveries, id))

    async def recover(
        self, id: str, body: api.RecoverDeliveriesRequest, **options: Unpack[CallOptions]
    ) -> api.Recovery:
        """Makes deliveries for every event since a time that never succeeded."""
        return (await self._calls.recover_deliveries(id, body, **options))["data"]

    async def recovery(self, id: str, recovery_id: str, **options: Unpack[CallOptions]) -> api.Recovery:
        return (await self._calls.get_recovery(id, recovery_id, **options))["data"]

    async def resend(
        self, id: str, body: api.ResendEndpointDeliveriesRequest, **options: Unpack[CallOptions]
    ) -> api.Recovery:
        """Sends again what has one of these states."""
        return (await self._calls.resend_endpoint_deliveries(id, body, **options))["data"]

    async def stats(self, id: str, **options: Unpack[CallOptions]) -> api.EndpointStats:
        return (await self._calls.get_endpoint_stats(id, **options))["data"]

    def undelivered(self, id: str, **query: Unpack[api.ListUndeliveredQuery]) -> AsyncListing[api.Undelivered]:
        """The events that an endpoint did not get."""
        return AsyncListing(query, partial(self._calls.list_undelivered, id))


class AsyncDeliveries(_Noun):
    def list(self, **query: Unpack[api.SearchDeliveriesQuery]) -> AsyncListing[api.Delivery]:
        """The log of all endpoints."""
        return AsyncListing(query, self._calls.search_deliveries)

    async def get(self, id: str, **options: Unpack[CallOptions]) -> api.DeliveryDetail:
        """With its payload and attempts."""
        return (await self._calls.get_delivery(id, **options))["data"]

    async def resend(self, id: str, **options: Unpack[CallOptions]) -> api.Delivery:
        return (await self._calls.resend_delivery(id, **options))["data"]

    async def cancel(self, id: str, **options: Unpack[CallOptions]) -> api.Delivery:
        """Stops its attempts."""
        return (await self._calls.cancel_delivery(id, **options))["data"]


class AsyncAudit(_Noun):
    def list(self, **query: Unpack[api.ListAuditLogQuery]) -> AsyncListing[api.AuditLogEntry]:
        return AsyncListing(query, self._calls.list_audit_log)


class AsyncInboxes(_Noun):
    def list(self, **query: Unpack[PageQuery]) -> AsyncListing[api.Inbox]:
        return AsyncListing(query, self._calls.list_inboxes)

    async def get(self, id: str, **options: Unpack[CallOptions]) -> api.Inbox:
        return (await self._calls.get_inbox(id, **options))["data"]


class AsyncTags(_Noun):
    def list(self, **query: Unpack[PageQuery]) -> AsyncListing[api.Tag]:
        return AsyncListing(query, self._calls.list_tags)


class AsyncAgents(_Noun):
    def list(self, **query: Unpack[PageQuery]) -> AsyncListing[api.Agent]:
        return AsyncListing(query, self._calls.list_agents)
