"""Exactly 100 requests in 60 s for each tenant, and a key's own share of them."""

import re
import threading
import time

import httpx
import pytest

from world import refused

SETTINGS = {"INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE": "100"}


def together(count, call):
    """Calls so many times at once and returns what each said."""
    gate, said = threading.Barrier(count), [None] * count

    def run(n):
        gate.wait()
        said[n] = call(n)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def test_exactly_100_of_101_parallel_requests_pass(world):
    tenant = world.tenant()
    second = tenant.new_key()["key"]
    clients = [world.client(second if n % 2 else tenant.key["key"]) for n in range(101)]
    answers = together(101, lambda n: clients[n].get("/me"))
    passed = [answer for answer in answers if answer.status_code == 200]
    assert len(passed) == 100
    [late] = [answer for answer in answers if answer.status_code != 200]
    refused(late, 429, "rate_limited")
    assert sorted(int(answer.headers["x-ratelimit-remaining"]) for answer in passed) == list(range(100))


@pytest.fixture(scope="module")
def spent(world):
    """A tenant that has used up its 100 requests."""
    spent = world.tenant("Spent")
    spent.began = time.time()
    spent.answers = [spent.api.get("/tickets") for _ in range(100)]
    spent.late = spent.api.get("/tickets")
    return spent


def test_what_a_scope_refuses_counts_nothing_also_when_the_request_asks_for_it(world):
    tenant = world.tenant()
    weak = world.client(tenant.new_key("--scopes", "tickets:read")["key"])
    for path in ("/tickets?include=messages", "/tickets?include=messages&page=x", "/export?types=tickets,messages"):
        answer = weak.get(path)
        refused(answer, 403, "insufficient_scope")
        assert answer.headers["x-ratelimit-remaining"] == "100", path
    assert weak.get("/tickets").headers["x-ratelimit-remaining"] == "99"


def test_the_headers_count_down(spent):
    for n, answer in enumerate(spent.answers):
        assert answer.status_code == 200
        assert answer.headers["ratelimit-policy"] == '"tenant";q=100;w=60'
        assert re.fullmatch(rf'"tenant";r={99 - n};t=\d+', answer.headers["ratelimit"])
        assert answer.headers["x-ratelimit-limit"] == "100"
        assert answer.headers["x-ratelimit-remaining"] == str(99 - n)
        assert spent.began <= int(answer.headers["x-ratelimit-reset"]) <= time.time() + 61


def test_the_one_too_many_is_told_when_to_come_back(spent):
    error = refused(spent.late, 429, "rate_limited")
    wait = int(spent.late.headers["retry-after"])
    assert 60 - (time.time() - spent.began) - 1 <= wait <= 60 and wait >= 1
    assert spent.late.headers["x-ratelimit-remaining"] == "0"
    assert re.fullmatch(r'"tenant";r=0;t=\d+', spent.late.headers["ratelimit"])
    said = [(detail["field"], detail["code"], detail["message"]) for detail in error["details"]]
    assert said == [("limit_scope", "limit_exceeded", "counts by tenant")]


def test_every_other_call_of_the_tenant_is_refused_too(spent, world):
    calls = [
        spent.api.post("/tickets", json={}), spent.api.post("/tickets", content=b"{", headers={"Content-Type": "application/json"}),
        spent.api.post("/tickets", content=b"x", headers={"Content-Type": "text/plain"}), spent.api.get("/tickets?page=0"),
        spent.api.get("/webhooks"), world.client(spent.new_key()["key"]).get("/me"),
    ]
    for answer in calls:
        refused(answer, 429, "rate_limited")
        assert int(answer.headers["retry-after"]) >= 1


def test_what_comes_before_the_limit_is_answered_still(spent):
    refused(spent.api.get("/nothing"), 404, "route_not_found")
    refused(spent.api.put("/tickets"), 405, "method_not_allowed")
    refused(spent.api.post("/tickets", content=b"x" * (2 * 1024 * 1024 + 1), headers={"Content-Type": "application/json"}), 413, "payload_too_large")
    assert spent.api.options("/tickets").status_code == 204
    assert spent.api.get("/openapi.json").status_code == 200


def test_another_tenant_has_a_limit_of_its_own(spent, world):
    assert world.tenant().api.get("/me").headers["x-ratelimit-remaining"] == "99"


def test_the_limit_comes_before_the_entitlement(spent, server):
    server.cli("tenant", "set-plan", "--tenant", spent.id, "--plan", "free")
    refused(spent.api.get("/tickets"), 429, "rate_limited")
    server.cli("tenant", "set-plan", "--tenant", spent.id, "--plan", "business")


def test_what_needs_no_key_does_not_count(world, server):
    tenant = world.tenant()
    for _ in range(3):
        assert tenant.api.get("/openapi.json").status_code == 200
        assert tenant.api.options("/tickets").status_code == 204
        assert httpx.get(f"{server.url}/healthz").status_code == 200
    assert tenant.api.get("/me").headers["x-ratelimit-remaining"] == "99"


def test_refused_requests_of_every_kind_count_once(world):
    tenant = world.tenant()
    tenant.api.get("/tickets?page=0")
    tenant.api.post("/tickets", json={})
    tenant.api.get("/tickets/999")
    assert tenant.api.get("/me").headers["x-ratelimit-remaining"] == "96"


def shared(world, share, *more):
    """A tenant, a client with a key that has this share, and the key."""
    tenant = world.tenant("Shared")
    key = tenant.new_key("--requests-per-minute", str(share), *more)
    return tenant, world.client(key["key"]), key


def test_exactly_its_share_of_a_keys_parallel_requests_pass(world):
    tenant, _, key = shared(world, 20)
    clients = [world.client(tenant.key["key"] if n % 2 else key["key"]) for n in range(200)]
    answers = together(200, lambda n: clients[n].get("/me"))
    own, others = answers[::2], answers[1::2]
    assert all(answer.status_code in (200, 429) for answer in answers)
    passed = sum(answer.status_code == 200 for answer in own)
    assert passed <= 20 and passed + sum(answer.status_code == 200 for answer in others) == 100


def test_both_policies_and_the_smaller_remainder_are_told(world):
    tenant, client, _ = shared(world, 20)
    for n in range(20):
        answer = client.get("/me")
        assert answer.headers["ratelimit-policy"] == '"tenant";q=100;w=60, "key";q=20;w=60'
        assert re.fullmatch(rf'"key";r={19 - n};t=\d+', answer.headers["ratelimit"])
        assert (answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-remaining"]) == ("20", str(19 - n))
    late = client.get("/me")
    error = refused(late, 429, "rate_limited")
    assert [(detail["field"], detail["code"], detail["message"]) for detail in error["details"]] == [("limit_scope", "limit_exceeded", "counts by key")]
    assert 1 <= int(late.headers["retry-after"]) <= 60 and late.headers["x-ratelimit-remaining"] == "0"
    other = tenant.api.get("/me")
    assert (other.status_code, other.headers["x-ratelimit-remaining"]) == (200, "79"), "the rest is there for others"
    assert other.headers["ratelimit-policy"] == '"tenant";q=100;w=60'


def test_a_changed_share_counts_at_once_and_is_capped_at_the_limit(world, server):
    _, client, key = shared(world, 5000)
    shown = client.get("/me").json()["data"]
    assert shown["limit"] == shown["key"]["limit"] == {"requests": 100, "window_seconds": 60}
    server.cli("key", "update", key["id"], "--requests-per-minute", "3")
    for left in (1, 0):
        answer = client.get("/me")
        assert (answer.json()["data"]["key"]["limit"]["requests"], answer.headers["x-ratelimit-remaining"]) == (3, str(left))
    refused(client.get("/me"), 429, "rate_limited")
    server.cli("key", "update", key["id"], "--requests-per-minute", "default")
    answer = client.get("/me")
    assert answer.json()["data"]["key"]["limit"] is None and answer.headers["ratelimit-policy"] == '"tenant";q=100;w=60'


def test_what_scope_or_plan_refuses_does_not_count(world, server):
    tenant, client, _ = shared(world, 20, "--scopes", "tickets:read")
    for _ in range(5):
        answer = client.get("/inboxes")
        refused(answer, 403, "insufficient_scope")
        assert re.fullmatch(r'"key";r=20;t=\d+', answer.headers["ratelimit"])
    server.cli("tenant", "set-plan", "--tenant", tenant.id, "--plan", "free")
    refused(client.get("/tickets"), 403, "entitlement_required")
    server.cli("tenant", "set-plan", "--tenant", tenant.id, "--plan", "business")
    assert client.get("/tickets").headers["x-ratelimit-remaining"] == "19"


def test_a_full_window_is_told_before_the_scope(world):
    _, client, _ = shared(world, 1, "--scopes", "tickets:read")
    assert client.get("/tickets").status_code == 200
    error = refused(client.get("/inboxes"), 429, "rate_limited")
    assert error["details"][0]["message"] == "counts by key"


def test_more_than_600_refusals_a_minute_are_refused_as_such(world):
    tenant = world.tenant("Stubborn")
    client = world.client(tenant.new_key("--scopes", "tickets:read")["key"])
    answers = [client.get("/inboxes") for _ in range(610)]
    assert all(answer.status_code == 403 for answer in answers[:600])
    error = refused(answers[-1], 429, "rate_limited")
    assert [detail["message"] for detail in error["details"]] == ["counts by refusals"]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert client.get("/tickets").headers["x-ratelimit-remaining"] == "99", "what the key may do is not refused"
