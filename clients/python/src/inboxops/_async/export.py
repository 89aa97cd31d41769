"""The export: every line of it, also when its stream breaks."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import cast

from .._contract import ExportLine, ExportType
from .._error import InboxopsError
from .._request import Request
from .._retry import Stopped, backoff
from .http import AsyncHttp
from .runtime import HttpResponse, Items, Stop, closing, pause

IDLE_MAX_SECS = 60.0
# The server ends an export that is older than ten minutes; until then another one of the workspace may run.
TURN_MAX_SECS = 11 * 60
TURN_POLL_SECS = 2


async def exported(
    http: AsyncHttp, types: Sequence[ExportType] | None, after: str | None, stop: Stop | None = None
) -> Items[ExportLine]:
    """
    The lines, the last of which is `end`. A stream that breaks off before it is gone on with from the last line that
    came; `end` then counts the lines of the last part. `stop` ends it by `Stopped`, so that it does not look whole.
    """
    barren = 0
    while True:
        response = await _opened(http, types, after, stop)
        is_barren = True
        async with closing(http.lines(response)) as lines:
            async for text in lines:
                if stop is not None and stop():
                    raise Stopped
                if not text:
                    continue
                line = _line_of(text)
                if line is None:
                    break
                is_barren = False
                yield line
                if line["type"] == "end":
                    return
                after = line["cursor"]
        barren = barren + 1 if is_barren else 0
        if barren > http.max_retries:
            raise InboxopsError("The export ends before its end.", code="export_incomplete")
        await pause(backoff(barren), stop)


def _line_of(text: str) -> ExportLine | None:
    """What is cut off is no line: no beginning of an object is JSON."""
    try:
        return cast(ExportLine, json.loads(text))
    except ValueError:
        return None


async def _opened(
    http: AsyncHttp, types: Sequence[ExportType] | None, after: str | None, stop: Stop | None
) -> HttpResponse:
    """Waits for its turn: a workspace has one export at a time, and after a break ours may still seem to run."""
    query = {"types": list(types) if types is not None else None, "after": after}
    request = Request("GET", "/api/v1/export", query=query, accept="application/x-ndjson")
    latest = time.monotonic() + TURN_MAX_SECS
    while True:
        try:
            return await http.stream(request, {"timeout": IDLE_MAX_SECS}, stop)
        except InboxopsError as error:
            if error.code != "export_in_progress" or time.monotonic() > latest:
                raise
            wait = TURN_POLL_SECS if error.retry_after is None else error.retry_after
        await pause(wait + backoff(0), stop)
