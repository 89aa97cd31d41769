"""`GET /audit`: who changed what, for keys with the scope."""

import pytest

from browser import Browser, signed_in
from receiver import Answer
from product import until
from world import refused, violations

ENTRY = {"id", "created_at", "actor", "action", "target_kind", "target_id", "facts", "address"}


@pytest.fixture(scope="module")
def audited(world, server, receiver):
    """A tenant in which everybody has done something."""
    tenant = world.tenant("Audited")
    tenant.hook = tenant.endpoint(receiver.path(Answer(410)), ["ticket.created"])
    signed_in(server, tenant.agent["id"])
    Browser(server).login(email="grace@example.com", password="not hers")
    tenant.ticket()
    until("InboxOps has disabled it", lambda: "endpoint.disabled" in {one["action"] for one in entries(tenant)})
    tenant.log = entries(tenant)
    return tenant


def entries(tenant, **query):
    answer = tenant.api.get("/audit", params={"per_page": 100} | query)
    assert answer.status_code == 200, answer.text
    assert sorted(answer.json()["meta"]) == ["has_more", "next_cursor"]
    return answer.json()["data"]


def test_an_entry_tells_who_did_what(audited):
    times = [one["created_at"] for one in audited.log]
    assert times == sorted(times, reverse=True)
    for one in audited.log:
        assert set(one) == ENTRY and set(one["actor"]) == {"type", "id", "name"}
        assert all(set(fact) == {"name", "value"} for fact in one["facts"])
    by = {one["action"]: one for one in audited.log}
    assert by["endpoint.created"]["actor"] == {"type": "api_key", "id": audited.key["id"], "name": "Sync job"}
    assert (by["endpoint.created"]["target_kind"], by["endpoint.created"]["target_id"]) == ("endpoint", audited.hook["id"])
    assert by["endpoint.created"]["address"] == "127.0.0.1"
    assert by["endpoint.disabled"]["actor"] == {"type": "system", "id": None, "name": "InboxOps"}
    assert by["session.begun"]["actor"] == {"type": "agent", "id": audited.agent["id"], "name": "Grace Hopper"}
    assert by["session.login_failed"]["actor"]["type"] == "nobody"
    assert by["tenant.created"]["actor"] == {"type": "operator", "id": None, "name": "operator"}


def test_filters_select_what_they_name(audited):
    middle = audited.log[2]["created_at"]
    for query, keeps in (
        ({"actor_id": audited.key["id"]}, lambda one: one["actor"]["id"] == audited.key["id"]),
        ({"action": "session.begun"}, lambda one: one["action"] == "session.begun"),
        ({"action": "session"}, lambda one: False),
        ({"since": middle}, lambda one: one["created_at"] >= middle),
        ({"until": middle}, lambda one: one["created_at"] < middle),
        ({"since": middle, "until": middle}, lambda one: False),
        ({"actor_id": audited.agent["id"], "action": "session.begun"}, lambda one: one["action"] == "session.begun"),
    ):
        assert entries(audited, **query) == [one for one in audited.log if keeps(one)], query


def test_it_is_walked_by_cursor(audited):
    walked, query = [], {"per_page": 2}
    while True:
        body = audited.api.get("/audit", params=query).json()
        walked += body["data"]
        if not body["meta"]["has_more"]:
            break
        query["cursor"] = body["meta"]["next_cursor"]
    assert walked == audited.log
    refused(audited.api.get("/audit", params=query | {"action": "session.begun"}), 400, "invalid_cursor")
    refused(audited.api.get("/audit?cursor=x"), 400, "invalid_cursor")


def test_a_key_needs_the_scope_and_no_other(world, audited):
    key = lambda scopes: world.client(audited.new_key("--scopes", scopes)["key"])  # noqa: E731
    assert key("audit:read").get("/audit").status_code == 200
    for scopes in ("read-only", "webhooks:manage"):
        error = refused(key(scopes).get("/audit"), 403, "insufficient_scope")
        assert [detail["allowed"] for detail in error["details"]] == [["audit:read"]]


@pytest.mark.parametrize("query,violation", [
    ("actor_id=me", ("actor_id", "invalid_format")), ("since=now", ("since", "invalid_format")),
    ("action=%20", ("action", "blank")), ("per_page=0", ("per_page", "out_of_range")),
])
def test_a_bad_value_is_refused(audited, query, violation):
    assert violations(audited.api.get(f"/audit?{query}"), 400, "invalid_parameter") == [violation]


def test_another_workspace_sees_none_of_it(world, audited):
    other = entries(world.tenant("Other"))
    assert not {one["id"] for one in other} & {one["id"] for one in audited.log}
