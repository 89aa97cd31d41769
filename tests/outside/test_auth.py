"""Credentials, and the answers for ids of another tenant."""

import re
import threading
import zlib
from datetime import datetime, timedelta, timezone

import pytest

from product import until
from world import random_id, refused

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def base62(number):
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits


def test_a_key_has_the_documented_shape_and_checksum(acme):
    key = acme.key["key"]
    assert re.fullmatch(r"ixk_[0-9A-Za-z]{42}", key)
    assert acme.key["key_prefix"] == key[:8]
    sums = {base62(zlib.crc32(key[:40].encode())), base62(zlib.crc32(key[:40].encode()))[::-1]}
    lower_first = {text.swapcase() for text in sums}
    assert key[40:] in sums | lower_first


def wrong_checksum(key):
    return key[:-1] + ("a" if key[-1] != "a" else "b")


WRONG = {
    "no header": (None, "missing_api_key"),
    "empty": ("", "missing_api_key"),
    "scheme alone": ("Bearer", None),
    "another scheme": ("Basic aXhrXzox", "missing_api_key"),
    "not a key": ("Bearer hello", "invalid_api_key"),
    "too short": ("Bearer ixk_abc", "invalid_api_key"),
    "wrong checksum": (lambda key: f"Bearer {wrong_checksum(key)}", "invalid_api_key"),
    "too long": (lambda key: f"Bearer {key}a", "invalid_api_key"),
    "prefix in capitals": (lambda key: f"Bearer {key.replace('ixk_', 'IXK_')}", "invalid_api_key"),
    "unknown": (lambda key: "Bearer " + unknown(key), "invalid_api_key"),
    "the key without a scheme": (lambda key: key, "missing_api_key"),
    "a service token that is none": ("Bearer ixs_" + "a" * 42, "invalid_api_key"),
}


def unknown(key):
    """A well-formed key that nobody has: its checksum made in the way of the real one."""
    body = "ixk_" + "7" * 36
    own = base62(zlib.crc32(key[:40].encode()))
    made = base62(zlib.crc32(body.encode()))
    if key[40:] == own:
        return body + made
    if key[40:] == own[::-1]:
        return body + made[::-1]
    return body + (made.swapcase() if key[40:] == own.swapcase() else made.swapcase()[::-1])


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_credential_is_refused(world, acme, how):
    value, code = WRONG[how]
    value = value(acme.key["key"]) if callable(value) else value
    answer = world.client().get("/tickets", headers={} if value is None else {"Authorization": value})
    assert answer.status_code == 401
    refused(answer, 401, code or answer.json()["error"]["code"])
    assert answer.headers["www-authenticate"] == 'Bearer realm="inboxops"'
    assert acme.key["key"] not in answer.text
    assert "ratelimit" not in answer.headers


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_read_in_any_case(world, acme, scheme):
    answer = world.client().get("/me", headers={"Authorization": f"{scheme} {acme.key['key']}"})
    assert answer.status_code == 200, answer.text


def test_a_key_in_the_query_is_no_credential(world, acme):
    key = acme.key["key"]
    for name in ("api_key", "key", "access_token", "authorization"):
        refused(world.client().get("/tickets", params={name: key}), 401, "missing_api_key")


def test_a_key_in_a_cookie_or_another_header_is_no_credential(world, acme):
    key = acme.key["key"]
    for headers in ({"Cookie": f"authorization=Bearer {key}; api_key={key}"}, {"X-Api-Key": key}):
        refused(world.client().get("/tickets", headers=headers), 401, "missing_api_key")


def test_a_key_in_the_body_is_no_credential(world, acme):
    body = {"api_key": acme.key["key"], "subject": "x", "inbox_id": acme.inbox["id"]}
    refused(world.client().post("/tickets", json=body), 401, "missing_api_key")


def test_a_revoked_key_is_refused_by_the_next_request(world, server, acme):
    key = acme.new_key()
    api = world.client(key["key"])
    assert api.get("/me").status_code == 200
    server.cli("key", "revoke", key["id"])
    if server.place == "split":
        until("the other process knows", lambda: api.get("/me").status_code == 401, 1.5)
    refused(api.get("/me"), 401, "revoked_api_key")


def test_a_key_that_was_never_used_can_be_revoked(world, server, acme):
    key = acme.new_key()
    server.cli("key", "revoke", key["id"])
    refused(world.client(key["key"]).get("/me"), 401, "revoked_api_key")
    assert key["id"] not in [row["id"] for row in server.cli("key", "list", "--tenant", acme.id)]


def test_a_key_expires(world, acme):
    at = datetime.now(timezone.utc) + timedelta(seconds=5)
    api = world.client(acme.new_key("--expires", at.strftime("%Y-%m-%dT%H:%M:%SZ"))["key"])
    assert api.get("/me").status_code == 200
    until("the key has expired", lambda: api.get("/me").status_code == 401, 10)
    refused(api.get("/me"), 401, "expired_api_key")
    assert datetime.now(timezone.utc) >= at.replace(microsecond=0)


def test_a_key_that_expires_later_works(world, acme):
    at = datetime.now(timezone.utc) + timedelta(days=1)
    api = world.client(acme.new_key("--expires", at.strftime("%Y-%m-%dT%H:%M:%SZ"))["key"])
    assert api.get("/me").status_code == 200


def test_me_tells_the_key_the_tenant_the_plan_and_the_limit(acme, api):
    data = api.get("/me").json()["data"]
    assert set(data) == {"key", "tenant", "plan", "entitlements", "limit"}
    assert set(data["key"]) == {"id", "name", "key_prefix", "scopes", "limit"}
    assert (data["key"]["id"], data["key"]["name"]) == (acme.key["id"], "Sync job")
    assert data["key"]["key_prefix"] == acme.key["key"][:8]
    assert len(data["key"]["scopes"]) == 11
    assert data["tenant"] == {"id": acme.id, "name": "Acme"}
    assert data["plan"] == "business"
    assert sorted(data["entitlements"]) == ["public_api", "webhooks"]
    assert data["limit"] == {"requests": 1000000, "window_seconds": 60}


@pytest.fixture(scope="module")
def other(world):
    """Another tenant, with one of everything."""
    other = world.tenant("Other")
    ticket = other.ticket()
    tag = other.api.post(f"/tickets/{ticket['id']}/tags", json={"tag_name": "billing"}).json()["data"]
    endpoint = other.endpoint("http://127.0.0.1:9999/hook", enabled=False)
    delivery = other.api.post(f"/webhooks/{endpoint['id']}/test", json={"event": "ticket.created"}).json()["data"]
    ids = {"ticket": ticket["id"], "tag": tag["id"], "endpoint": endpoint["id"], "delivery": delivery["id"]}
    return ids | {"inbox": other.inbox["id"], "agent": other.agent["id"]}


FOREIGN = [
    ("GET", "/tickets/{ticket}", None, 404),
    ("PATCH", "/tickets/{ticket}", {"subject": "Mine now"}, 404),
    ("PATCH", "/tickets/{ticket}", {}, 404),
    ("GET", "/tickets/{ticket}/messages", None, 404),
    ("POST", "/tickets/{ticket}/messages", {"body_text": "x"}, 404),
    ("GET", "/tickets/{ticket}/tags", None, 404),
    ("POST", "/tickets/{ticket}/tags", {"tag_name": "x"}, 404),
    ("DELETE", "/tickets/{ticket}/tags/{tag}", None, 404),
    ("DELETE", "/tickets/{own}/tags/{tag}", None, 404),
    ("POST", "/tickets/{own}/tags", {"tag_id": "{tag}"}, 422),
    ("PATCH", "/tickets/{own}", {"assignee_id": "{agent}"}, 422),
    ("PATCH", "/tickets/{own}", {"inbox_id": "{inbox}"}, 422),
    ("POST", "/tickets", {"subject": "x", "inbox_id": "{inbox}"}, 422),
    ("POST", "/tickets", {"subject": "x", "inbox_id": "{own_inbox}", "assignee_id": "{agent}"}, 422),
    ("GET", "/tickets?inbox_id={inbox}", None, 200),
    ("GET", "/tickets?assignee_id={agent}", None, 200),
    ("GET", "/tickets?tag={tag}", None, 200),
    ("GET", "/inboxes/{inbox}", None, 404),
    ("GET", "/webhooks/{endpoint}", None, 404),
    ("PATCH", "/webhooks/{endpoint}", {"enabled": True}, 404),
    ("DELETE", "/webhooks/{endpoint}", None, 404),
    ("POST", "/webhooks/{endpoint}/test", {"event": "ticket.created"}, 404),
    ("GET", "/webhooks/{endpoint}/deliveries", None, 404),
    ("GET", "/deliveries/{delivery}", None, 404),
    ("POST", "/deliveries/{delivery}/resend", None, 404),
]
VARYING = {"x-request-id", "date", "ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset", "link"}


@pytest.mark.parametrize("method,path,body,status", FOREIGN, ids=lambda value: str(value))
def test_another_tenants_id_is_answered_like_one_that_never_existed(acme, api, other, method, path, body, status):
    own = {"own": acme.ticket()["id"], "own_inbox": acme.inbox["id"]}

    def ask(ids):
        named = {name: value.format(**ids) if isinstance(value, str) else value for name, value in (body or {}).items()}
        more = {"json": named} if body is not None else {}
        answer = api.request(method, path.format(**ids), headers={"X-Request-Id": "the-same"}, **more)
        headers = sorted((name, value) for name, value in answer.headers.items() if name not in VARYING)
        return answer.status_code, headers, answer.content, ids

    *theirs, ids = ask(own | other)
    *never, _ = ask(own | {name: random_id() for name in other})
    assert theirs == never
    assert theirs[0] == status
    assert not any(ids[name].encode() in theirs[2] for name in other), "the answer repeats the id"


def test_another_tenant_sees_nothing_of_what_was_made(api, other):
    for path in ("/tickets", "/inboxes", "/agents", "/tags", "/webhooks"):
        text = api.get(path).text
        assert not any(value in text for value in other.values())


def test_a_key_used_from_many_threads_at_once_is_always_accepted(world, acme):
    said = []

    def call():
        said.append(world.client(acme.key["key"]).get("/me").status_code)

    threads = [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [200] * 16
