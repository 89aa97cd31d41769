"""The one class of errors of the API."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from ._generated.types import ErrorDetail

UNEXPECTED_ANSWER = "unexpected_answer"


class InboxopsError(Exception):
    """A call that failed, with what the answer says of it."""

    status: int
    """The status of the answer; 0 if there was none."""
    code: str
    """
    The API's code, such as `ticket_not_found`. Of this client are `connection_failed`, `request_timeout`,
    `unexpected_answer` (not the API's JSON) and `export_incomplete`.
    """
    details: list[ErrorDetail]
    request_id: str | None
    """The id by which the server's log names the request, if there was an answer."""
    retry_after: int | None
    """Whole seconds after which the server wants to be asked again."""
    doc_url: str | None
    """Where the code is explained."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int = 0,
        details: list[ErrorDetail] | None = None,
        request_id: str | None = None,
        retry_after: int | None = None,
        doc_url: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.details = details or []
        self.request_id = request_id
        self.retry_after = retry_after
        self.doc_url = doc_url

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


def failure_of(status: int, headers: Mapping[str, str], body: bytes) -> InboxopsError:
    """The error of an answer that is none of success."""
    request_id = headers.get("x-request-id")
    retry_after = retry_after_of(headers.get("retry-after"))
    error = _error_in(body)
    if error is None:
        message = f"HTTP {status}, without an error of the API."
        return InboxopsError(
            message, code=UNEXPECTED_ANSWER, status=status, request_id=request_id, retry_after=retry_after
        )
    return InboxopsError(
        error["message"],
        code=error["code"],
        status=status,
        details=error.get("details"),
        request_id=error.get("request_id") or request_id,
        retry_after=retry_after,
        doc_url=error.get("doc_url"),
    )


def _error_in(body: bytes) -> dict[str, Any] | None:
    try:
        error = json.loads(body)["error"]
        known = isinstance(error["code"], str) and isinstance(error["message"], str)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None
    return error if known else None


def retry_after_of(value: str | None, now: float | None = None) -> int | None:
    """The seconds of `Retry-After`, which is a number or a date."""
    if value is None:
        return None
    if re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
        return int(value)
    try:
        at = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0, math.ceil(at - (time.time() if now is None else now)))
