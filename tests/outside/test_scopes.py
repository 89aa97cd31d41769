"""Scopes of webhooks and of the audit log: which key may read what, and which presets have them."""

import pytest

from product import until
from receiver import Answer
from world import refused

READ_ONLY = {"tickets:read", "messages:read", "tags:read", "inboxes:read", "events:read", "webhooks:read"}
# Paths of webhooks, to which reading and managing are different scopes.
WEBHOOKS = ("/api/v1/webhooks", "/api/v1/deliveries", "/api/v1/webhook-event-types")


def key(world, tenant, *scopes):
    return world.client(tenant.new_key("--scopes", ",".join(scopes))["key"])


def scopes_of(api):
    return set(api.get("/me").json()["data"]["key"]["scopes"])


def test_presets_have_what_they_say(world, acme):
    assert {"webhooks:read", "webhooks:manage", "audit:read"} < scopes_of(acme.api)
    assert scopes_of(key(world, acme, "read-only")) == READ_ONLY


def test_every_read_of_webhooks_takes_either_scope_and_every_write_the_greater(world):
    paths = world.client().get("/openapi.json").json()["paths"]
    seen = set()
    for path, item in paths.items():
        if not path.startswith(WEBHOOKS):
            continue
        for verb, told in item.items():
            read = [{"ApiKey": ["webhooks:read"]}] if verb == "get" else []
            assert told["security"] == [*read, {"ApiKey": ["webhooks:manage"]}], f"{verb} {path}"
            assert told["x-required-entitlement"] == "webhooks", f"{verb} {path}"
            seen.add(verb)
    assert seen == {"get", "post", "patch", "delete"}


@pytest.fixture(scope="module")
def told(world, acme, receiver):
    """A delivery whose receiver answered with a text."""
    endpoint = acme.endpoint(receiver.path(Answer(200, b"thanks")), ["ticket.created"])
    acme.ticket(subject="A secret wish")
    path = f"/webhooks/{endpoint['id']}/deliveries?status=delivered"
    one = until("it is delivered", lambda: acme.api.get(path).json()["data"])[0]
    return endpoint, one


def test_a_reader_reads_and_changes_nothing(world, acme, told):
    endpoint, delivery = told
    reader = key(world, acme, "webhooks:read")
    for path in ("/webhooks", f"/webhooks/{endpoint['id']}", f"/deliveries/{delivery['id']}", "/webhook-event-types"):
        assert reader.get(path).status_code == 200, path
    writes = [
        ("POST", "/webhooks"), ("PATCH", f"/webhooks/{endpoint['id']}"), ("DELETE", f"/webhooks/{endpoint['id']}"),
        ("POST", f"/webhooks/{endpoint['id']}/test"), ("POST", f"/deliveries/{delivery['id']}/resend"),
    ]
    for method, path in writes:
        error = refused(reader.request(method, path, json={}), 403, "insufficient_scope")
        assert [detail["allowed"] for detail in error["details"]] == [["webhooks:manage"]], path
    error = refused(key(world, acme, "tags:read").get("/webhooks"), 403, "insufficient_scope")
    assert [detail["allowed"] for detail in error["details"]] == [["webhooks:read"]]


SIGHT = {
    "webhooks:read": False, "webhooks:read,tickets:read": False, "webhooks:read,messages:read": True, "webhooks:manage": True,
    "read-only": True,
}


@pytest.mark.parametrize("scopes", SIGHT)
def test_what_was_sent_and_answered_is_shown_to_who_may_read_messages(world, acme, told, scopes):
    _, delivery = told
    shown = key(world, acme, scopes).get(f"/deliveries/{delivery['id']}").json()["data"]
    [attempt] = shown["attempts"]
    if SIGHT[scopes]:
        assert shown["payload"]["data"]["ticket"]["subject"] == "A secret wish" and attempt["response_body"] == "thanks"
    else:
        assert (shown["payload"], attempt["response_body"]) == (None, None)
    assert attempt["response_status"] == 200 and attempt["request_headers"]
