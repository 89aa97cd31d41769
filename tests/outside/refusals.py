"""Changes that make an operation refuse an otherwise valid request, by the code of the error."""

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta, timezone

from product import until
from rpc import internal

LIMIT = 2 * 1024 * 1024


class Keys:
    """Clients that are refused, by the code that refuses them."""

    def __init__(self, server, world, acme):
        programs = internal(server)
        key = lambda *more: acme.new_key(*more)["key"]  # noqa: E731
        revoked = acme.new_key()
        server.cli("key", "revoke", revoked["id"])
        soon = datetime.now(timezone.utc) + timedelta(seconds=3)
        self.clients = {
            "missing_api_key": world.client(), "invalid_api_key": world.client("ixk_nothing"),
            "revoked_api_key": world.client(revoked["key"]),
            "expired_api_key": world.client(key("--expires", soon.strftime("%Y-%m-%dT%H:%M:%SZ"))),
        }
        suspended, spent = world.tenant("Suspended"), world.tenant("Spent")
        programs.set_suspended(tenant_id=suspended.id, suspended=True)
        programs.set_rate_limit(tenant_id=spent.id, requests_per_minute=1)
        self.clients |= {
            "tenant_suspended": suspended.api, "rate_limited": spent.api, "entitlement_required": world.tenant(plan="free").api,
        }
        spent.api.get("/me")
        self.by_scope = {scope: world.client(key("--scopes", scope)) for scope in ("tags:read", "tickets:read", "events:read")}
        until("the key has expired", lambda: self.clients["expired_api_key"].get("/me").status_code == 401, 10)

    def of(self, operation, code):
        if code == "insufficient_scope":
            # An operation that needs a scope for each part of its answer has none for a key of another kind.
            other = {None: "events:read", "tags:read": "tickets:read"}
            return self.by_scope[other.get(operation.told.get("x-required-scope"), "tags:read")]
        return self.clients.get(code)


def broken_parameter(operation, request):
    """A query parameter, or a header that names a state, of another form than is told."""
    for name, parameter in operation.of("query").items():
        if name in ("page", "per_page", "limit"):
            return request.but(query={name: 0})
    if "types" in operation.of("query"):
        return request.but(query={"types": "nothing"})
    return request.but(headers={"If-Match" if operation.writes else "If-None-Match": ""})


def foreign_cursor():
    """A cursor of a database with another history."""
    stated = bytes([1]) + b"\xff" * 8 + bytes([0, 0]) + b"\0" * 8
    return urlsafe_b64encode(stated + hashlib.sha256(stated).digest()[:4]).decode().rstrip("=")


def expired_cursor(operation, request):
    if operation.id == "export":
        return request.but(query={"after": foreign_cursor()})
    return request.but(query={"after": "e1-0-0-0"} if "after" in operation.parameters else {"cursor": foreign_cursor()})


BREAKING = {
    "cursor_expired": expired_cursor,
    "unknown_parameter": lambda operation, request: request.but(query={"colour": 1}),
    "invalid_parameter": broken_parameter,
    "invalid_cursor": lambda operation, request: request.but(query={"after" if "after" in operation.parameters else "cursor": "x"}),
    "invalid_idempotency_key": lambda operation, request: request.but(headers={"Idempotency-Key": ""}),
    "malformed_json": lambda operation, request: request.but(body=b"{"),
    "invalid_request": lambda operation, request: request.but(body=[]),
    "validation_failed": lambda operation, request: request.with_members(colour=1),
    "outbound_reply_not_allowed": lambda operation, request: request.with_members(type="outbound"),
    "payload_too_large": lambda operation, request: request.but(body=b" " * (LIMIT + 1)),
    "unsupported_media_type": lambda operation, request: request.but(media="text/plain"),
    "precondition_failed": lambda operation, request: request.but(headers={"If-Match": '"0"'}),
}
