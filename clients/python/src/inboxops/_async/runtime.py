"""What waiting takes. `_sync/runtime.py` has the same names for what blocks."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeAlias, TypeVar

import httpx

from .._retry import Stopped
from ..store import AsyncMirrorStore, MirrorStore

__all__ = ["AnyStore", "HttpClient", "HttpResponse", "Items", "Stop", "closing", "pause", "settled"]

Value = TypeVar("Value")

HttpClient: TypeAlias = httpx.AsyncClient
HttpResponse: TypeAlias = httpx.Response
Items: TypeAlias = AsyncGenerator[Value, None]
AnyStore: TypeAlias = MirrorStore | AsyncMirrorStore
Stop: TypeAlias = Callable[[], bool]
closing = aclosing

# How often `stop` is asked in a pause.
LOOK_SECS = 0.5


async def pause(seconds: float, stop: Stop | None = None) -> None:
    """Waits, or raises `Stopped` when `stop` says so."""
    while stop is not None and seconds > LOOK_SECS:
        if stop():
            raise Stopped
        await asyncio.sleep(LOOK_SECS)
        seconds -= LOOK_SECS
    await asyncio.sleep(seconds)
    if stop is not None and stop():
        raise Stopped


async def settled(value: Value | Awaitable[Value]) -> Value:
    """What a store gives, at once or later."""
    return await value if inspect.isawaitable(value) else value
