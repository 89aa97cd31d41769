"""When a failed attempt is made again, and how long that waits. It does not wait itself."""

from __future__ import annotations

import math
import random

from ._error import InboxopsError

BASE_SECS = 0.25
CAP_SECS = 10.0
MAX_RETRIES = 4
# A server that wants to be left alone for longer is obeyed by failing.
RETRY_AFTER_MAX_SECS = 120
# No answer at all, over the limit, or a server (or a proxy before it) that cannot answer now.
RETRIED = frozenset({0, 429, 502, 503, 504})
UNLIMITED = math.inf


class Stopped(Exception):
    """The caller's `stop` said so. It never leaves the client."""


def backoff(number: int, chance: float | None = None) -> float:
    """The seconds before repeat `number`, from 0: any time up to a bound that doubles ("full jitter")."""
    bound = min(CAP_SECS, BASE_SECS * (1 << min(number, 20)))
    return bound * (random.random() if chance is None else chance)


def wait_before(error: InboxopsError, number: int, max_retries: float, chance: float | None = None) -> float | None:
    """
    How long to wait before repeat `number`; None if the failure is final. Writes have an idempotency key, so they are
    repeated like reads. 409 `idempotency_in_progress` on a repeat is about an earlier attempt of ours.
    """
    is_ours = number > 0 and error.code == "idempotency_in_progress"
    if number >= max_retries or not (error.status in RETRIED or is_ours):
        return None
    own = backoff(number, chance)
    if error.retry_after is None:
        return own
    if error.retry_after > RETRY_AFTER_MAX_SECS and max_retries != UNLIMITED:
        return None
    return error.retry_after + min(own, 1.0)
