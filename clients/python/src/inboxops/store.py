"""Where a mirror keeps what it reads."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import NamedTuple, Protocol, TypedDict

from ._contract import ExportType, Resource, ResourceType


class MirrorState(TypedDict):
    """How far a mirror is. It is JSON; a store keeps it as it is."""

    round: int
    """Grows each time that the mirror has to begin again, from 1."""
    types: Sequence[ExportType] | None
    """What is mirrored; None for all that the key may read."""
    export_cursor: str | None
    """The last line of the export that is kept, while the export is not whole."""
    events_cursor: str | None
    """The last event that is kept; None while the export is not whole."""


class Kept(NamedTuple):
    resource: Resource
    round: int
    """The round in which it was put."""


class MirrorStore(Protocol):
    """
    What a mirror needs of a store. Calls come one after the other. `save` follows the `put`s that its state tells of,
    so that a store with transactions begins one with the first `put` and commits it in `save`; one without them keeps
    the order of the calls. After a crash the mirror goes on from the state that was saved last and puts some things
    again.
    """

    def load(self) -> MirrorState | None:
        """The state that was saved last; None at first."""

    def save(self, state: MirrorState) -> None:
        """Keeps the state, and with it all that was put before."""

    def get(self, type: ResourceType, id: str) -> Kept | None: ...

    def put(self, type: ResourceType, resource: Resource, round: int) -> None:
        """Adds or replaces one. The mirror has compared versions already."""

    def remove_before(self, round: int) -> None:
        """Removes what was put in an earlier round and not since: the server does not have it any more."""


class AsyncMirrorStore(Protocol):
    """The same for `AsyncInboxops`, which takes either."""

    def load(self) -> Awaitable[MirrorState | None]: ...
    def save(self, state: MirrorState) -> Awaitable[None]: ...
    def get(self, type: ResourceType, id: str) -> Awaitable[Kept | None]: ...
    def put(self, type: ResourceType, resource: Resource, round: int) -> Awaitable[None]: ...
    def remove_before(self, round: int) -> Awaitable[None]: ...


class MemoryStore:
    """Keeps a mirror in memory."""

    def __init__(self) -> None:
        self._state: MirrorState | None = None
        self._kept: dict[ResourceType, dict[str, Kept]] = {}

    def load(self) -> MirrorState | None:
        return self._state

    def save(self, state: MirrorState) -> None:
        self._state = state.copy()

    def get(self, type: ResourceType, id: str) -> Kept | None:
        return self._kept.get(type, {}).get(id)

    def put(self, type: ResourceType, resource: Resource, round: int) -> None:
        self._kept.setdefault(type, {})[resource["id"]] = Kept(resource, round)

    def remove_before(self, round: int) -> None:
        for type, known in self._kept.items():
            self._kept[type] = {id: one for id, one in known.items() if one.round >= round}

    def all(self, type: ResourceType) -> list[Resource]:
        """All that is kept of a type."""
        return [one.resource for one in self._kept.get(type, {}).values()]
