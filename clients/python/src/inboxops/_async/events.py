"""Events as they happen, without a gap: each is given at least once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from .._contract import ReceivedEvent, Transport, WebhookEvent
from .._error import UNEXPECTED_ANSWER, InboxopsError
from .._generated import types as api
from .._generated.async_calls import AsyncCalls
from .._lines import Blocks
from .._request import CallOptions, Request
from .._retry import UNLIMITED, Stopped, backoff
from .http import AsyncHttp
from .runtime import HttpResponse, Items, Stop, closing, pause

# The server says something every 15 seconds.
IDLE_MAX_SECS = 45.0
POLL_SECS = 5.0
PAGE_EVENTS = 100
# So many streams in a row that say nothing, and `auto` polls.
SILENT_MAX = 3
# What waits may also be canceled; what blocks looks here.
NEVER: Stop = lambda: False  # noqa: E731


@dataclass(frozen=True)
class Following:
    """What to follow, and how."""

    after: str | None = None
    types: Sequence[str] | None = None
    stop: Stop = NEVER
    transport: Transport = "stream"
    poll_secs: float = POLL_SECS

    def query(self, after: str | None, limit: int | None = None) -> dict[str, Any]:
        return {"after": after, "types": list(self.types) if self.types else None, "limit": limit}


async def follow(http: AsyncHttp, calls: AsyncCalls, following: Following) -> Items[ReceivedEvent]:
    if following.stop():
        return
    try:
        after = following.after
        if after is None:
            after = await _newest(calls)
        if following.transport != "poll":
            async with closing(_streamed(http, after, following)) as places:
                async for event, cursor in places:
                    after = cursor
                    if event is not None:
                        yield ReceivedEvent(event, cursor)
                        if following.stop():
                            return
        async with closing(_polled(calls, after, following)) as events:
            async for received in events:
                yield received
                if following.stop():
                    return
    except Stopped:
        return


async def _newest(calls: AsyncCalls) -> str:
    """Where the log of events ends."""
    return (await calls.list_events({"after": "latest"}))["meta"]["next_cursor"]


async def listed(calls: AsyncCalls, after: str, following: Following) -> Items[ReceivedEvent | str]:
    """Every event after a place, page by page, and at last the place behind them."""
    while True:
        query = cast(api.ListEventsQuery, following.query(after, PAGE_EVENTS))
        body = await calls.list_events(query)
        events, meta = body["data"], body["meta"]
        for number, event in enumerate(events, 1):
            # Only the page has a cursor: before its last event one goes on from its beginning.
            cursor = after if number < len(events) else meta["next_cursor"]
            yield ReceivedEvent(cast(WebhookEvent, event), cursor)
        after = meta["next_cursor"]
        if not meta["has_more"]:
            yield after
            return


async def _polled(calls: AsyncCalls, after: str, following: Following) -> Items[ReceivedEvent]:
    while True:
        async with closing(listed(calls, after, following)) as found:
            async for one in found:
                if isinstance(one, str):
                    after = one
                else:
                    yield one
        await pause(following.poll_secs, following.stop)


async def _streamed(http: AsyncHttp, after: str, following: Following) -> Items[tuple[WebhookEvent | None, str]]:
    """Events, and cursors without one: places at which nothing of interest is before. It ends for `auto` to poll."""
    silent, options = 0, CallOptions(timeout=IDLE_MAX_SECS)
    while True:
        response = await _opened(http, after, following, options)
        if response is None:
            return
        # Who follows wants to go on, however long the server is away; who begins may have a wrong address.
        options["max_retries"] = UNLIMITED
        blocks, has_spoken = Blocks(), False
        async with closing(http.lines(response, with_rest=False)) as lines:
            async for line in lines:
                has_spoken = True
                if following.stop():
                    raise Stopped
                if block := blocks.feed(line):
                    after = after if block.id is None else block.id
                    yield None if block.data is None else cast(WebhookEvent, json.loads(block.data)), after
        silent = 0 if has_spoken else silent + 1
        if following.transport == "auto" and silent >= SILENT_MAX:
            return
        await pause(backoff(silent), following.stop)


async def _opened(http: AsyncHttp, after: str, following: Following, options: CallOptions) -> HttpResponse | None:
    """A stream; None where none gets through and `auto` shall poll."""
    query = following.query(None)
    headers = {"last-event-id": after}
    request = Request("GET", "/api/v1/events", query=query, accept="text/event-stream", headers=headers)
    response = await http.stream(request, options, following.stop)
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        return response
    await response.aclose()
    if following.transport == "auto":
        return None
    raise InboxopsError("The answer is no stream of events.", code=UNEXPECTED_ANSWER, status=response.status_code)
