"""What the API's types do not say by themselves: unions of events and lines, pages, queries with what is to come."""

from __future__ import annotations

from typing import Generic, Literal, NamedTuple, TypeAlias, TypedDict, TypeVar

from ._generated.types import (
    Agent,
    Inbox,
    InboxErrorEvent,
    Message,
    MessageReceivedEvent,
    MessageSentEvent,
    Tag,
    Ticket,
    TicketAssignedEvent,
    TicketClosedEvent,
    TicketCreatedEvent,
    TicketStatusChangedEvent,
    TicketUpdatedEvent,
)

Item = TypeVar("Item")

WebhookEvent: TypeAlias = (
    TicketCreatedEvent
    | TicketUpdatedEvent
    | TicketAssignedEvent
    | TicketStatusChangedEvent
    | TicketClosedEvent
    | MessageReceivedEvent
    | MessageSentEvent
    | InboxErrorEvent
)
"""The body of a webhook, and an event of `/events`. Newer servers may have others: ignore those."""


class ReceivedEvent(NamedTuple):
    event: WebhookEvent
    cursor: str
    """Store it once the event is dealt with, and pass it as `after` to go on from there."""


class ListMeta(TypedDict, total=False):
    """What tells where a page lies. Pages by cursor have no number."""

    page: int | None
    per_page: int
    total: int
    total_pages: int | None
    has_more: bool
    next_cursor: str | None
    safe_since: str | None
    """With `updated_since`: no change before this time is missing."""


class Page(NamedTuple, Generic[Item]):
    data: list[Item]
    meta: ListMeta


class PageQuery(TypedDict, total=False):
    """What all lists take."""

    page: int
    per_page: int
    cursor: str


Resource: TypeAlias = Ticket | Message | Tag | Inbox | Agent
ResourceType: TypeAlias = Literal["ticket", "message", "tag", "inbox", "agent"]
ExportType: TypeAlias = Literal["tickets", "messages", "tags", "inboxes", "agents"]
Transport: TypeAlias = Literal["stream", "poll", "auto"]


class TicketLine(TypedDict):
    type: Literal["ticket"]
    data: Ticket
    cursor: str


class MessageLine(TypedDict):
    type: Literal["message"]
    data: Message
    cursor: str


class TagLine(TypedDict):
    type: Literal["tag"]
    data: Tag
    cursor: str


class InboxLine(TypedDict):
    type: Literal["inbox"]
    data: Inbox
    cursor: str


class AgentLine(TypedDict):
    type: Literal["agent"]
    data: Agent
    cursor: str


class EndLine(TypedDict):
    type: Literal["end"]
    events_cursor: str
    count: int


ExportLine: TypeAlias = TicketLine | MessageLine | TagLine | InboxLine | AgentLine | EndLine
