"""Exactly 100 requests in 60 s for each tenant."""

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
