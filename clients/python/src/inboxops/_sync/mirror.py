# Made from _async/mirror.py; do not edit.

"""A mirror of a workspace: the export, then the events. Changes come at least once; `version` drops what is stale."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from .._contract import ExportType, Resource, ResourceType, Transport, WebhookEvent
from .._error import InboxopsError
from .._generated.types import Message, Ticket
from .._retry import Stopped
from ..store import MirrorState
from .events import NEVER, POLL_SECS, Following, follow, listed
from .export import exported
from .runtime import AnyStore, Items, Stop, closing, pause

if TYPE_CHECKING:
    from .client import Inboxops

LINES_UNSAVED_MAX = 500
FRESH_SECS = 60.0
LOOKS_MAX = 10
LOOK_SECS = 1.0


@dataclass(frozen=True)
class Mirroring:
    """What to mirror, and who is told."""

    types: Sequence[ExportType] | None = None
    once: bool = False
    stop: Stop = NEVER
    transport: Transport = "stream"
    poll_secs: float = POLL_SECS
    on_change: Callable[[ResourceType, Resource], None] | None = None
    on_exported: Callable[[], None] | None = None


def mirror(client: Inboxops, store: AnyStore, mirroring: Mirroring) -> None:
    types = mirroring.types
    kept = store.load()
    if kept is not None and _is_same(kept["types"], types):
        state = kept
    else:
        state = _begun(1 if kept is None else kept["round"] + 1, types)
    is_new = state is not kept
    while True:
        one = _Mirror(client, store, state, mirroring)
        try:
            return one.run()
        except Stopped:
            return
        except InboxopsError as error:
            if error.code != "cursor_expired" or (is_new and one.is_fresh()):
                raise
        # Events that are no longer kept, or a server that was restored from a backup: only a new export heals it.
        state, is_new = _begun(state["round"] + 1, types), True
        store.save(state)


def _begun(round: int, types: Sequence[ExportType] | None) -> MirrorState:
    named = None if types is None else list(types)
    return {"round": round, "types": named, "export_cursor": None, "events_cursor": None}


def _is_same(left: Sequence[ExportType] | None, right: Sequence[ExportType] | None) -> bool:
    return (left and sorted(left)) == (right and sorted(right))


class _Mirror:
    def __init__(self, client: Inboxops, store: AnyStore, state: MirrorState, mirroring: Mirroring) -> None:
        self._client = client
        self._store = store
        self._state = state
        self._how = mirroring
        self._exported_at = math.inf
        # Ids that lists were searched for, so that one that is gone is not searched for with every event.
        self._sought: set[str] = set()
        # What the key may not list.
        self._denied: set[ExportType] = set()

    def is_fresh(self) -> bool:
        """Whether its cursors are so new that a server which calls them too old would do so for ever."""
        return self._state["export_cursor"] is None and time.monotonic() - self._exported_at < FRESH_SECS

    def run(self) -> None:
        if self._state["events_cursor"] is None:
            self._export()
        self._exported_at = time.monotonic()
        if self._how.on_exported:
            self._how.on_exported()
        after = self._state["events_cursor"] or ""
        how = self._how
        following = Following(after, self._event_types(), how.stop, how.transport, how.poll_secs)
        if self._how.once:
            with closing(listed(self._client.calls, after, following)) as found:
                for one in found:
                    if how.stop():
                        return
                    if not isinstance(one, str):
                        self._take(one.event)
                    self._save(events_cursor=one if isinstance(one, str) else one.cursor)
            return
        with closing(follow(self._client.http, self._client.calls, following)) as events:
            for event, cursor in events:
                self._take(event)
                self._save(events_cursor=cursor)

    def _export(self) -> None:
        state, unsaved = self._state, 0
        lines = exported(self._client.http, state["types"], state["export_cursor"], self._how.stop)
        try:
            with closing(lines):
                for line in lines:
                    if line["type"] == "end":
                        self._store.remove_before(self._state["round"])
                        unsaved = 0
                        self._save(export_cursor=None, events_cursor=line["events_cursor"])
                        return
                    self._put(line["type"], line["data"])
                    self._state = {**self._state, "export_cursor": line["cursor"]}
                    unsaved += 1
                    if unsaved == LINES_UNSAVED_MAX:
                        unsaved = 0
                        self._save()
        finally:
            if unsaved:
                self._save()

    def _event_types(self) -> list[str]:
        """Tickets name tags, inboxes and agents, so their events come in any case."""
        names = ["ticket.created", "ticket.updated"]
        if self._has("messages"):
            names.append("message.*")
        if self._has("inboxes"):
            names.append("inbox.error")
        return names

    def _has(self, type: ExportType) -> bool:
        types = self._state["types"]
        return types is None or type in types

    def _take(self, event: WebhookEvent) -> None:
        data = cast(dict[str, Any], event["data"])
        if ticket := data.get("ticket"):
            self._companions(ticket)
            if self._has("tickets"):
                self._put("ticket", ticket)
        if (message := data.get("message")) and self._has("messages"):
            self._put("message", self._whole(message))
        if (inbox := data.get("inbox")) and self._has("inboxes"):
            self._put("inbox", inbox)

    def _companions(self, ticket: Ticket) -> None:
        """What a ticket names and no event tells of: tags, inboxes and agents that came after the export."""
        client = self._client
        for tag in ticket["tags"]:
            self._find("tags", "tag", tag["id"], client.tags.list)
        self._find("inboxes", "inbox", ticket["inbox_id"], client.inboxes.list)
        if ticket["assignee_id"]:
            self._find("agents", "agent", ticket["assignee_id"], client.agents.list)

    def _find(
        self, types: ExportType, type: ResourceType, id: str, every: Callable[[], Iterable[Resource]]
    ) -> None:
        if not self._has(types) or id in self._sought:
            return
        kept = self._store.get(type, id)
        if kept:
            return
        self._sought.add(id)
        for one in self._allowed(types, every()):
            self._put(type, one)

    def _whole(self, message: Message) -> Message:
        """Events cut long texts. The message as the list of them has it, once it does, if the key may read it."""
        if not message["truncated"]:
            return message
        kept = self._store.get("message", message["id"])
        if kept and kept.round == self._state["round"]:
            known = cast(Message, kept.resource)
            if not known["truncated"]:
                return known
        # A message is listed when all older writes have ended, which may be a little after its event.
        for number in range(LOOKS_MAX):
            if "messages" in self._denied:
                break
            if number:
                pause(LOOK_SECS, self._how.stop)
            found = self._client.messages.list(ticket_id=[message["ticket_id"]], created_since=message["created_at"])
            for one in self._allowed("messages", found):
                if one["id"] == message["id"]:
                    return cast(Message, one)
        return message

    def _allowed(self, types: ExportType, found: Iterable[Resource]) -> Items[Resource]:
        """A list, or nothing if the key may not read it."""
        try:
            if types not in self._denied:
                for one in found:
                    yield one
        except InboxopsError as error:
            if error.status != 403:
                raise
            self._denied.add(types)

    def _put(self, type: ResourceType, resource: Resource) -> None:
        round = self._state["round"]
        kept = self._store.get(type, resource["id"])
        # What an earlier round left may come from another history of the server: it never wins.
        if kept and kept.round == round and _is_stale(type, resource, kept.resource):
            return
        self._store.put(type, resource, round)
        if self._how.on_change:
            self._how.on_change(type, resource)

    def _save(self, **changes: str | None) -> None:
        self._state = cast(MirrorState, {**self._state, **changes})
        self._store.save(self._state)


def _is_stale(type: ResourceType, resource: Any, known: Any) -> bool:
    """Whether the one that is kept is at least as new."""
    if type == "ticket":
        return bool(known["version"] >= resource["version"])
    if type == "message":
        # A message never changes, but an event may have cut it.
        return bool(not known["truncated"] or resource["truncated"])
    if type == "inbox":
        return bool(known["updated_at"] > resource["updated_at"])
    return False
