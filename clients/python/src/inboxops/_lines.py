"""Lines and blocks of bodies that are read as they come. Bytes go in, wherever they were cut."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# Far above the longest answer, so that a body without a line break cannot fill the memory.
LINE_MAX_BYTES = 16 << 20


class Lines:
    """Splits at line feeds alone: JSON may have other line separators inside."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._held = 0

    def feed(self, data: bytes) -> list[str]:
        first, *more = data.split(b"\n")
        self._rest.append(first)
        self._held += len(first)
        if self._held > LINE_MAX_BYTES:
            raise ValueError(f"A line has more than {LINE_MAX_BYTES} bytes.")
        if not more:
            return []
        found = [b"".join(self._rest), *more[:-1]]
        self._rest, self._held = [more[-1]], len(more[-1])
        return [_text(it) for it in found]

    def end(self) -> str:
        """What stands behind the last line break."""
        return _text(b"".join(self._rest))


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "replace")


# A comment that tells how far the stream is, so that a reader of rare events does not keep an old place.
PLACE = re.compile(r": ?(e[0-9]+-[\w-]+)")


@dataclass
class Block:
    """A server-sent event: its id and its data, where it has them."""

    id: str | None = None
    data: str | None = None


@dataclass
class Blocks:
    """Gives blocks for lines. One that is cut is dropped."""

    _id: str | None = None
    _data: list[str] = field(default_factory=list)

    def feed(self, line: str) -> Block | None:
        if place := PLACE.fullmatch(line):
            return Block(place[1])
        if line == "":
            block = Block(self._id, "\n".join(self._data) if self._data else None)
            self._id, self._data = None, []
            return None if block == Block() else block
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id" and "\0" not in value:
            self._id = value
        elif name == "data":
            self._data.append(value)
        return None
