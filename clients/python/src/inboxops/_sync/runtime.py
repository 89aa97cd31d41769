"""What blocking takes. `_async/runtime.py` has the same names for what waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import TypeAlias, TypeVar

import httpx

from .._retry import Stopped
from ..store import MirrorStore

__all__ = ["AnyStore", "HttpClient", "HttpResponse", "Items", "Stop", "closing", "pause"]

Value = TypeVar("Value")

HttpClient: TypeAlias = httpx.Client
HttpResponse: TypeAlias = httpx.Response
Items: TypeAlias = Generator[Value, None, None]
AnyStore: TypeAlias = MirrorStore
Stop: TypeAlias = Callable[[], bool]

# How often `stop` is asked in a pause.
LOOK_SECS = 0.5


def pause(seconds: float, stop: Stop | None = None) -> None:
    """Waits, or raises `Stopped` when `stop` says so."""
    while stop is not None and seconds > LOOK_SECS:
        if stop():
            raise Stopped
        time.sleep(LOOK_SECS)
        seconds -= LOOK_SECS
    time.sleep(seconds)
    if stop is not None and stop():
        raise Stopped
