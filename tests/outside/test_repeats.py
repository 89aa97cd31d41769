"""Writes with an idempotency key over REST are done once and answered alike for a day, whatever crashed; and conditions."""

import concurrent.futures
import re

import pytest

from world import refused

KEY = "Idempotency-Key"
REPLAYED = "idempotency-replayed"


def new(tenant, subject="Hello"):
    return {"subject": subject, "inbox_id": tenant.inbox["id"]}


def total(api):
    return api.get("/tickets?per_page=1").json()["meta"]["total"]


def test_a_repeated_post_is_answered_as_the_first(world, acme):
    tenant = world.tenant("Repeats")
    first = tenant.api.post("/tickets", json=new(tenant), headers={KEY: "order-1042"})
    assert first.status_code == 201 and REPLAYED not in first.headers
    again = tenant.api.post("/tickets", json=new(tenant), headers={KEY: "order-1042"})
    assert (again.status_code, again.content, again.headers[REPLAYED]) == (201, first.content, "true")
    for name in ("location", "etag", "content-type"):
        assert again.headers[name] == first.headers[name]
    # White space and the order of members are not the request.
    text = f'{{ "inbox_id" : "{tenant.inbox["id"]}",\n "subject":"\\u0048ello" }}'
    same = tenant.api.post("/tickets", content=text, headers={KEY: "order-1042", "Content-Type": "application/json"})
    assert same.content == first.content and same.headers[REPLAYED] == "true"
    refused(tenant.api.post("/tickets", json=new(tenant, "Other"), headers={KEY: "order-1042"}), 422, "idempotency_key_reused")
    note = {"body_text": "x"}
    path = f"/tickets/{first.json()['data']['id']}/messages"
    refused(tenant.api.post(path, json=note, headers={KEY: "order-1042"}), 422, "idempotency_key_reused")
    assert total(tenant.api) == 1
    tag = tenant.api.post("/tickets/1/tags", json={"tag_name": "vip"}, headers={KEY: "t"})
    assert [tenant.api.post("/tickets/1/tags", json={"tag_name": "vip"}, headers=h).status_code for h in ({KEY: "t"}, {})] == [201, 200]
    gone = [tenant.api.delete(f"/tickets/1/tags/{tag.json()['data']['id']}", headers={KEY: "d"}) for _ in range(2)]
    assert [answer.status_code for answer in gone] == [204, 204]
    assert (REPLAYED in gone[0].headers, gone[1].headers[REPLAYED]) == (False, "true")


@pytest.mark.parametrize("key", ["", "ä", "x" * 256, "a\tb"])
def test_a_malformed_key_is_refused(acme, api, key):
    before = total(api)
    headers = {KEY: key.encode()}
    refused(api.post("/tickets", json=new(acme), headers=headers), 400, "invalid_idempotency_key")
    refused(api.delete("/tickets/1/tags/x", headers=headers), 400, "invalid_idempotency_key")
    assert total(api) == before
    assert api.get("/tickets", headers=headers).status_code == 200


def test_two_keys_are_refused(acme, api):
    headers = [(KEY, "a"), (KEY, "a")]
    refused(api.post("/tickets", json=new(acme), headers=headers), 400, "invalid_idempotency_key")


def test_of_fifty_at_once_one_is_made(world):
    tenant = world.tenant("Fifty")
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        post = lambda _: tenant.api.post("/tickets", json=new(tenant), headers={KEY: "k"}, timeout=30)
        answers = list(pool.map(post, range(50)))
    made = [answer for answer in answers if answer.status_code == 201]
    for answer in answers:
        if answer.status_code != 201:
            refused(answer, 409, "idempotency_in_progress")
            assert int(answer.headers["retry-after"]) >= 1
    assert made and len({answer.content for answer in made}) == 1
    assert [REPLAYED in answer.headers for answer in made].count(False) == 1
    events = tenant.api.get("/events").json()["data"]
    assert (total(tenant.api), [event["event"] for event in events]) == (1, ["ticket.created"])


def test_a_secret_is_answered_again(world, receiver):
    tenant = world.tenant("Secrets")
    body = {"url": receiver.path(), "events": ["*"]}
    made = [tenant.api.post("/webhooks", json=body, headers={KEY: "w"}) for _ in range(2)]
    assert made[0].status_code == 201 and made[0].content == made[1].content
    assert re.match(r"whsec_", made[1].json()["data"]["secret"]) and made[1].headers[REPLAYED] == "true"
    assert len(tenant.api.get("/webhooks").json()["data"]) == 1


def test_the_answer_outlives_a_crash(world, server):
    tenant = world.tenant("Crash")
    answers = {}
    for key in range(20):
        answers[key] = tenant.api.post("/tickets", json=new(tenant, f"n{key}"), headers={KEY: f"k{key}"})
    server.kill()
    server.start()
    for key, first in answers.items():
        again = tenant.api.post("/tickets", json=new(tenant, f"n{key}"), headers={KEY: f"k{key}"})
        assert (again.content, again.headers[REPLAYED]) == (first.content, "true")
    assert total(tenant.api) == 20


def test_a_change_is_made_for_the_state_that_it_names(world):
    tenant = world.tenant("Conditions")
    tenant.api.post("/tickets", json=new(tenant))
    for tag in ('"1"', 'W/"2"', '"x", "3"', "*"):
        answer = tenant.api.patch("/tickets/1", json={"subject": tag}, headers={"If-Match": tag})
        assert answer.status_code == 200, answer.text
    for tag in ('"1"', 'W/"4"', '"55"'):
        answer = tenant.api.patch("/tickets/1", json={"subject": "lost"}, headers={"If-Match": tag})
        refused(answer, 412, "precondition_failed")
        assert answer.headers["etag"] == '"5"'
    for tag in ("", "5", '"5', '*, "5"', "w/\"5\""):
        refused(tenant.api.patch("/tickets/1", json={"subject": "lost"}, headers={"If-Match": tag}), 400, "invalid_parameter")
        refused(tenant.api.get("/tickets/1", headers={"If-None-Match": tag}), 400, "invalid_parameter")
    assert tenant.api.get("/tickets/1").json()["data"]["subject"] == "*"
    for tag in ('"5"', 'W/"5"', '"1", W/"5"', "*"):
        answer = tenant.api.get("/tickets/1", headers={"If-None-Match": tag})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"5"'), tag
    assert tenant.api.get("/tickets/1", headers={"If-None-Match": '"4"'}).status_code == 200
