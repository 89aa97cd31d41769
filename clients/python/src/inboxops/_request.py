"""A request as it is written, whatever sends it. It knows nothing of the API's nouns."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypedDict
from urllib.parse import quote

from ._version import VERSION

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class CallOptions(TypedDict, total=False):
    """How one call is made."""

    idempotency_key: str
    """The key of a write. Without it every call makes one of its own, which all of its attempts share."""
    if_version: int
    """A write takes place only if the ticket still has this version; else it fails with 412."""
    timeout: float
    """The longest silence of the server, in seconds."""
    max_retries: float
    """How often a failed attempt is repeated."""
    request_id: str
    """The id by which the server's log and answer name the request."""


@dataclass(frozen=True)
class Request:
    """`path` has names in braces; `values` are what stands for them."""

    method: str
    path: str
    values: Mapping[str, str | int] = field(default_factory=dict)
    query: Mapping[str, Any] | None = None
    body: object = None
    accept: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def target(self) -> str:
        """The path and the query."""
        path = re.sub(r"\{(\w+)\}", lambda found: _segment(found[1], self.values.get(found[1])), self.path)
        given = {name: it for name, it in (self.query or {}).items() if it is not None}
        pairs = [f"{quote(name)}={quote(_text(it), safe='')}" for name, it in given.items()]
        return path + ("?" + "&".join(pairs) if pairs else "")

    def content(self) -> bytes | None:
        if self.body is None:
            return None
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":"), default=_value).encode()

    def all_headers(self, api_key: str, options: CallOptions) -> dict[str, str]:
        """Made once for a call, so that its attempts share the idempotency key."""
        headers = {
            "authorization": f"Bearer {api_key}",
            "accept": self.accept,
            "user-agent": f"inboxops-python/{VERSION}",
            **self.headers,
        }
        if self.body is not None:
            headers["content-type"] = "application/json"
        if self.method in WRITES:
            headers["idempotency-key"] = options.get("idempotency_key") or uuid.uuid4().hex
        if "if_version" in options:
            headers["if-match"] = f'"{options["if_version"]}"'
        if "request_id" in options:
            headers["x-request-id"] = options["request_id"]
        return headers


def base_of(url: str) -> str:
    """Where the server is, without a slash or the API's own path behind it."""
    if not re.match("https?://.", url):
        raise ValueError("base_url must begin with https:// or http://.")
    return url.rstrip("/").removesuffix("/api/v1")


def _segment(name: str, value: str | int | None) -> str:
    text = "" if value is None else str(value)
    # An empty value would name the list in place of the one; dots are resolved, so that the call would go elsewhere.
    if text in ("", ".", ".."):
        raise ValueError(f"{name} is no id: {text!r}.")
    return quote(text, safe="")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return _value(value)
    if isinstance(value, list | tuple | set | frozenset):
        return ",".join(_text(it) for it in value)
    return str(value)


def _value(value: object) -> str:
    """What JSON has no form for: times and ids."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("A time needs a zone, such as datetime.now(UTC).")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON.")
