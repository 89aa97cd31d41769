# Made from _async/client.py; do not edit.

"""The client: one object for a server and a key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, Unpack

from .._contract import ExportLine, ExportType, ReceivedEvent, Resource, ResourceType, Transport
from .._generated.calls import Calls
from .._generated.types import Identity
from .._request import CallOptions
from .events import NEVER, POLL_SECS, Following, follow
from .export import exported
from .http import Http
from .mirror import Mirroring, mirror
from .nouns import (
    Agents,
    Audit,
    Deliveries,
    Inboxes,
    Messages,
    Tags,
    Tickets,
    Webhooks,
)
from .runtime import AnyStore, HttpClient, Items, Stop


class Inboxops:
    """
    The client of a server, such as `https://desk.example.com`, with a key, `ixk_…`.

    A failed attempt is repeated `max_retries` times (4); `timeout` is the longest silence of the server in seconds
    (30). `http_client` is used in place of one of its own, as for proxies and certificates; it is not closed.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        max_retries: int | None = None,
        timeout: float | None = None,
        http_client: HttpClient | None = None,
    ) -> None:
        self.http = Http(base_url, api_key, max_retries, timeout, http_client)
        self.calls = Calls(self.http)
        """Every operation of the API, by its name in the OpenAPI document, with whole bodies."""
        self.tickets = Tickets(self.calls)
        self.messages = Messages(self.calls)
        self.tags = Tags(self.calls)
        self.inboxes = Inboxes(self.calls)
        self.agents = Agents(self.calls)
        self.webhooks = Webhooks(self.calls)
        self.deliveries = Deliveries(self.calls)
        self.audit = Audit(self.calls)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections."""
        self.http.close()

    def me(self, **options: Unpack[CallOptions]) -> Identity:
        """The key, its workspace, and what they may do."""
        return (self.calls.who_am_i(**options))["data"]

    def events(
        self,
        *,
        after: str | None = None,
        types: Sequence[str] | None = None,
        transport: Transport = "stream",
        poll_secs: float = POLL_SECS,
        stop: Stop = NEVER,
    ) -> Items[ReceivedEvent]:
        """
        Events as they happen, each at least once. It reconnects by itself and goes on where it was, until the loop is
        left or `stop()` is true, which is asked after each event and at least every 15 seconds. Without `after` it
        begins with what happens from now on. A cursor that is too old fails with 410 `cursor_expired`.

        `types` are names such as `ticket.created`, `ticket.*`, `message.*`. `transport="poll"` asks every `poll_secs`
        in place of holding a connection; `"auto"` changes to that when streams do not get through.
        """
        return follow(self.http, self.calls, Following(after, types, stop, transport, poll_secs))

    def export(self, *, types: Sequence[ExportType] | None = None, after: str | None = None) -> Items[ExportLine]:
        """All resources, line by line; the last line is `end`. A stream that breaks off is gone on with by itself."""
        return exported(self.http, types, after)

    def mirror(
        self,
        store: AnyStore,
        *,
        types: Sequence[ExportType] | None = None,
        once: bool = False,
        transport: Transport = "stream",
        poll_secs: float = POLL_SECS,
        on_change: Callable[[ResourceType, Resource], None] | None = None,
        on_exported: Callable[[], None] | None = None,
        stop: Stop = NEVER,
    ) -> None:
        """
        Keeps a store like the workspace: reads the export, then follows the events. When it is called again, it goes
        on where the store's state says. What a store gets it may get again; it is never older than what it has.

        `types` is what to mirror, by default all that the key may read; another choice than before begins again.
        `once` ends it when it has caught up, `stop()` at any time. `on_change` is told of every resource that was put,
        `on_exported` when the export is whole.
        """
        how = Mirroring(types, once, stop, transport, poll_secs, on_change, on_exported)
        mirror(self, store, how)
