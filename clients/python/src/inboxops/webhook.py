"""Whether a request to your server is a webhook of InboxOps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from ._contract import WebhookEvent
from ._generated import verify

_why: Callable[[object, object, object], str | None] = verify.why


class WebhookVerificationError(Exception):
    """A request that InboxOps did not send, or not now; its text says why, for your log. Answer 401."""


def verify_webhook(
    secrets: str | Iterable[str],
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    body: bytes | bytearray | memoryview,
) -> WebhookEvent:
    """
    The event of a request, once its signature is checked; else it raises `WebhookVerificationError`.

    `secrets` is the endpoint's secret, or both during a rotation; `headers` is what your framework has, with names in
    any case; `body` the bytes that came, before any parsing. It works by `webhook-signature`, which covers the time, so
    that a request that somebody recorded is refused after five minutes.
    """
    reason = _why(secrets, headers, body)
    if reason is not None:
        raise WebhookVerificationError(reason)
    return cast(WebhookEvent, json.loads(bytes(body)))
