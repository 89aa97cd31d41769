"""Requests: how they are sent, repeated and read. It knows nothing of the API's nouns."""

from __future__ import annotations

import json
from typing import Any

import httpx

from .._error import UNEXPECTED_ANSWER, InboxopsError, failure_of
from .._lines import Lines
from .._request import CallOptions, Request, base_of
from .._retry import MAX_RETRIES, wait_before
from .runtime import HttpClient, HttpResponse, Items, Stop, pause

TIMEOUT_SECS = 30.0


class AsyncHttp:
    def __init__(
        self, base_url: str, api_key: str, max_retries: int | None, timeout: float | None, client: HttpClient | None
    ) -> None:
        if not api_key:
            raise ValueError("api_key is missing.")
        self._base = base_of(base_url)
        self._key = api_key
        self._client = client or HttpClient(follow_redirects=False)
        self._is_ours = client is None
        self.max_retries = MAX_RETRIES if max_retries is None else max_retries
        self.timeout = TIMEOUT_SECS if timeout is None else timeout

    async def aclose(self) -> None:
        if self._is_ours:
            await self._client.aclose()

    async def json(self, request: Request, options: CallOptions) -> Any:
        """The answer's JSON; None where it has no body."""
        response = await self._send(request, options, streamed=False)
        if response.status_code == 204:
            return None
        try:
            return json.loads(response.content)
        except ValueError as error:
            raise InboxopsError(
                "The answer is not JSON.",
                code=UNEXPECTED_ANSWER,
                status=response.status_code,
                request_id=response.headers.get("x-request-id"),
            ) from error

    async def stream(self, request: Request, options: CallOptions, stop: Stop | None = None) -> HttpResponse:
        """An answer whose body the caller reads by `lines`; `timeout` is the longest silence in it."""
        return await self._send(request, options, streamed=True, stop=stop)

    async def lines(self, response: HttpResponse, *, with_rest: bool = True) -> Items[str]:
        """
        The lines of a body. A connection that breaks or is silent for too long looks like an end: whoever reads knows
        what must stand last, and goes on from there. Without `with_rest` a part of a line is left out: it can look
        whole.
        """
        lines = Lines()
        try:
            try:
                async for data in response.aiter_bytes():
                    for line in lines.feed(data):
                        yield line
            except httpx.RequestError:
                pass
            if with_rest and (rest := lines.end()):
                yield rest
        finally:
            await response.aclose()

    async def _send(
        self, request: Request, options: CallOptions, *, streamed: bool, stop: Stop | None = None
    ) -> HttpResponse:
        url = self._base + request.target()
        timeout = options.get("timeout", self.timeout)
        built = self._client.build_request(
            request.method,
            url,
            headers=request.all_headers(self._key, options),
            content=request.content(),
            timeout=timeout,
        )
        max_retries = options.get("max_retries", self.max_retries)
        number = 0
        while True:
            try:
                return await self._attempt(built, timeout, streamed)
            except InboxopsError as error:
                wait = wait_before(error, number, max_retries)
                if wait is None:
                    raise
            await pause(wait, stop)
            number += 1

    async def _attempt(self, built: httpx.Request, limit: float, streamed: bool) -> HttpResponse:
        try:
            response = await self._client.send(built, stream=True, follow_redirects=False)
            if not streamed or not response.is_success:
                try:
                    await response.aread()
                finally:
                    await response.aclose()
        except httpx.TimeoutException as error:
            raise InboxopsError(f"No answer within {limit:g} s.", code="request_timeout") from error
        except httpx.RequestError as error:
            raise InboxopsError("The connection failed.", code="connection_failed") from error
        if not response.is_success:
            raise failure_of(response.status_code, response.headers, response.content)
        return response
