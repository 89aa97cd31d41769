"""Deliveries: attempts, retries, resend, tests, the log."""

import re
from datetime import datetime, timedelta

import pytest

from product import until
from receiver import Answer
from test_endpoints import EVENTS
from world import refused, violations

DELIVERY = [
    "id", "endpoint_id", "event", "event_id", "status", "attempt_count", "max_attempts", "next_attempt_at", "response_status",
    "error_code", "test", "created_at", "delivered_at", "ticket_id", "ticket_number", "subject", "waits_for",
]
ATTEMPT = [
    "number", "started_at", "duration_ms", "response_status", "response_body", "response_headers", "request_headers",
    "error_code", "error", "succeeded",
]


def listed(api, endpoint, **query):
    answer = api.get(f"/webhooks/{endpoint['id']}/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def only(api, endpoint, status):
    """The one delivery of an endpoint, in full, once it has this status."""
    def has():
        data = listed(api, endpoint)["data"]
        return data[0] if data and data[0]["status"] == status else None

    one = until(f"the delivery is {status}", has)
    full = api.get(f"/deliveries/{one['id']}").json()["data"]
    assert full["status"] == status
    return full


def test_a_delivered_event_is_logged(acme, api, receiver):
    url = receiver.path(Answer(201, b"thanks", {"X-Trace": "abc", "Content-Type": "text/plain"}))
    endpoint = acme.endpoint(url, ["ticket.created"])
    acme.ticket()
    full = only(api, endpoint, "delivered")
    assert sorted(full) == sorted([*DELIVERY, "payload", "attempts"])
    assert (full["endpoint_id"], full["event"], full["test"]) == (endpoint["id"], "ticket.created", False)
    assert (full["attempt_count"], full["max_attempts"], full["response_status"]) == (1, 10, 201)
    assert full["next_attempt_at"] is None and full["error_code"] is None
    assert full["created_at"] <= full["delivered_at"]
    [attempt] = full["attempts"]
    assert sorted(attempt) == sorted(ATTEMPT)
    assert (attempt["number"], attempt["succeeded"], attempt["response_status"], attempt["response_body"]) == (1, True, 201, "thanks")
    assert attempt["error_code"] is None and attempt["error"] is None and attempt["duration_ms"] >= 0
    assert {"name": "x-trace", "value": "abc"} in attempt["response_headers"]
    sent = {header["name"]: header["value"] for header in attempt["request_headers"]}
    assert sent["webhook-id"] == full["event_id"]
    [short] = listed(api, endpoint)["data"]
    assert sorted(short) == sorted(DELIVERY)
    assert short == {name: full[name] for name in DELIVERY}
    shown = api.get(f"/webhooks/{endpoint['id']}").json()["data"]["last_delivery"]
    assert shown == {"id": full["id"], "status": "delivered", "response_status": 201, "at": shown["at"]}
    assert endpoint["secret"] not in api.get(f"/deliveries/{full['id']}").text


@pytest.mark.parametrize("status,code", [(500, "http_5xx"), (503, "http_5xx"), (400, "http_4xx"), (404, "http_4xx"), (302, "http_3xx"), (304, "http_3xx")])
def test_anything_but_2xx_is_tried_again_in_a_minute(acme, api, receiver, status, code):
    body = b"" if status == 304 else b"no, \xff\x00 sorry"
    url = receiver.path(Answer(status, body, {"Location": receiver.path()} if status == 302 else {}))
    endpoint = acme.endpoint(url, ["ticket.created"])
    acme.ticket()
    full = only(api, endpoint, "retrying")
    [attempt] = full["attempts"]
    assert (full["attempt_count"], full["response_status"], full["error_code"]) == (1, status, code)
    assert (attempt["succeeded"], attempt["response_status"], attempt["error_code"]) == (False, status, code)
    assert attempt["error"].strip() and full["delivered_at"] is None
    if body:
        assert re.fullmatch(r"no, .+ sorry", attempt["response_body"], re.DOTALL)
    ended = datetime.fromisoformat(attempt["started_at"]) + timedelta(milliseconds=attempt["duration_ms"])
    wait = (datetime.fromisoformat(full["next_attempt_at"]) - ended).total_seconds()
    assert 60 - 0.01 <= wait <= 66 + 2, wait
    assert len(receiver.at(url)) == 1


def test_a_redirect_is_not_followed(acme, api, receiver):
    target = receiver.path()
    endpoint = acme.endpoint(receiver.path(Answer(307, b"", {"Location": target})), ["ticket.created"])
    acme.ticket()
    only(api, endpoint, "retrying")
    assert receiver.at(target) == []


def test_retry_after_only_delays(acme, api, receiver):
    for secs, least, most in (("1", 60, 68), ("600", 600, 668)):
        endpoint = acme.endpoint(receiver.path(Answer(503, b"", {"Retry-After": secs})), ["ticket.created"])
        acme.ticket()
        full = only(api, endpoint, "retrying")
        started = datetime.fromisoformat(full["attempts"][0]["started_at"])
        wait = (datetime.fromisoformat(full["next_attempt_at"]) - started).total_seconds()
        assert least <= wait <= most, wait
        api.delete(f"/webhooks/{endpoint['id']}")


def test_410_fails_for_good_and_disables(acme, api, receiver):
    endpoint = acme.endpoint(receiver.path(Answer(410)), ["ticket.created"])
    acme.ticket()
    full = only(api, endpoint, "failed")
    assert full["next_attempt_at"] is None
    shown = until("it is disabled", lambda: (one := api.get(f"/webhooks/{endpoint['id']}").json()["data"])["status"] == "disabled" and one)
    assert shown["disabled_reason"]
    acme.ticket()
    assert len(listed(api, endpoint)["data"]) == 1


def test_the_receiver_can_stop_a_delivery(acme, api, receiver):
    endpoint = acme.endpoint(receiver.path(Answer(500, b"", {"webhook-delivery": "abort-message"})), ["ticket.created"])
    acme.ticket()
    full = only(api, endpoint, "failed")
    assert full["next_attempt_at"] is None and full["attempt_count"] == 1


def test_a_refused_connection_is_named(acme, api):
    from product import free_port

    endpoint = acme.endpoint(f"http://127.0.0.1:{free_port()}/", ["ticket.created"])
    acme.ticket()
    full = only(api, endpoint, "retrying")
    assert (full["error_code"], full["response_status"]) == ("connect_refused", None)
    assert full["attempts"][0]["response_body"] is None


def test_a_failing_endpoint_shows_it(acme, api, receiver):
    endpoint = acme.endpoint(receiver.path(Answer(500)), ["ticket.created"])
    acme.ticket()
    only(api, endpoint, "retrying")
    shown = api.get(f"/webhooks/{endpoint['id']}").json()["data"]
    assert shown["status"] == "failing"
    assert (shown["last_delivery"]["status"], shown["last_delivery"]["response_status"]) == ("retrying", 500)


def test_a_long_answer_is_kept_in_part(acme, api, receiver):
    endpoint = acme.endpoint(receiver.path(Answer(200, b"a" * 1_000_000)), ["ticket.created"])
    acme.ticket()
    full = only(api, endpoint, "delivered")
    assert full["attempts"][0]["response_body"] == "a" * 4096


def test_resending_after_the_receiver_is_mended_delivers(acme, api, receiver):
    url = receiver.path(Answer(500))
    endpoint = acme.endpoint(url, ["ticket.created"])
    acme.ticket()
    failed = only(api, endpoint, "retrying")
    receiver.answer(url, Answer(200))
    answer = api.post(f"/deliveries/{failed['id']}/resend")
    assert answer.status_code == 202, answer.text
    assert sorted(answer.json()["data"]) == sorted(DELIVERY)
    assert answer.json()["data"]["id"] == failed["id"]
    full = only(api, endpoint, "delivered")
    assert [attempt["number"] for attempt in full["attempts"]] == [1, 2]
    assert [attempt["succeeded"] for attempt in full["attempts"]] == [False, True]
    first, second = receiver.wait(url, 2)
    assert second.header("X-InboxOps-Attempt") == "2"
    assert (second.body, second.header("webhook-id")) == (first.body, first.header("webhook-id"))
    assert second.header("X-InboxOps-Delivery") == first.header("X-InboxOps-Delivery") == full["id"]
    second.verify(endpoint["secret"])


def test_what_was_delivered_can_be_sent_again(acme, api, receiver):
    url = receiver.path()
    endpoint = acme.endpoint(url, ["ticket.created"])
    acme.ticket()
    full = only(api, endpoint, "delivered")
    for n in (2, 3):
        assert api.post(f"/deliveries/{full['id']}/resend").status_code == 202
        receiver.wait(url, n)
        until("it is recorded", lambda: len(api.get(f"/deliveries/{full['id']}").json()["data"]["attempts"]) == n)
    assert [hit.header("X-InboxOps-Attempt") for hit in receiver.at(url)] == ["1", "2", "3"]


@pytest.mark.parametrize("enabled", [True, False])
def test_a_test_is_sent_for_every_event(world, receiver, enabled):
    tenant = world.tenant()
    url = receiver.path()
    endpoint = tenant.endpoint(url, ["inbox.error"], enabled=enabled)
    for n, event in enumerate(EVENTS, 1):
        answer = tenant.api.post(f"/webhooks/{endpoint['id']}/test", json={"event": event})
        assert answer.status_code == 202, answer.text
        delivery = answer.json()["data"]
        assert sorted(delivery) == sorted(DELIVERY)
        assert (delivery["event"], delivery["test"], delivery["max_attempts"]) == (event, True, 1)
        hit = receiver.wait(url, n)[-1]
        hit.verify(endpoint["secret"])
        body = hit.json
        assert (body["event"], hit.header("X-InboxOps-Event")) == (event, event)
        assert sorted(body) == ["created_at", "data", "event", "event_id", "tenant_id"]
        assert body["data"]["test"] is True and body["tenant_id"] == tenant.id
        assert {"actor", "group"} <= set(body["data"])
        shown = until("it is recorded", lambda: (one := tenant.api.get(f"/deliveries/{delivery['id']}").json()["data"])["status"] == "delivered" and one)
        assert shown["payload"] == body
    assert len(listed(tenant.api, endpoint)["data"]) == len(EVENTS)


def test_a_failed_test_is_not_tried_again(acme, api, receiver):
    endpoint = acme.endpoint(receiver.path(Answer(500)))
    delivery = api.post(f"/webhooks/{endpoint['id']}/test", json={"event": "message.sent"}).json()["data"]
    full = only(api, endpoint, "failed")
    assert (full["id"], full["attempt_count"], full["next_attempt_at"]) == (delivery["id"], 1, None)
    assert api.get(f"/webhooks/{endpoint['id']}").json()["data"]["status"] == "active"


def test_a_switched_off_endpoint_gets_nothing(acme, api, receiver):
    url, other = receiver.path(), receiver.path()
    endpoint = acme.endpoint(url)
    watch = acme.endpoint(other, ["ticket.created"])
    api.patch(f"/webhooks/{endpoint['id']}", json={"enabled": False})
    acme.ticket()
    receiver.wait(other, 1)
    assert listed(api, endpoint)["data"] == []
    api.patch(f"/webhooks/{endpoint['id']}", json={"enabled": True})
    ticket = acme.ticket()
    assert receiver.wait(url, 1)[0].json["data"]["ticket"] == ticket
    for one in (endpoint, watch):
        api.delete(f"/webhooks/{one['id']}")


def test_waiting_deliveries_are_paused_while_it_is_off(acme, api, receiver):
    url = receiver.path(Answer(500))
    endpoint = acme.endpoint(url, ["ticket.created"])
    acme.ticket()
    only(api, endpoint, "retrying")
    api.patch(f"/webhooks/{endpoint['id']}", json={"enabled": False})
    only(api, endpoint, "paused")
    api.patch(f"/webhooks/{endpoint['id']}", json={"enabled": True})
    only(api, endpoint, "retrying")


def test_a_new_address_counts_at_once(acme, api, receiver):
    old, new = receiver.path(), receiver.path()
    endpoint = acme.endpoint(old, ["ticket.created"])
    acme.ticket()
    receiver.wait(old, 1)
    api.patch(f"/webhooks/{endpoint['id']}", json={"url": new})
    acme.ticket()
    receiver.wait(new, 1)
    assert len(receiver.at(old)) == 1


def test_one_dead_endpoint_delays_no_other(acme, api, receiver):
    from product import free_port

    dead = [acme.endpoint(f"http://127.0.0.1:{free_port()}/") for _ in range(3)]
    url = receiver.path()
    live = acme.endpoint(url, ["ticket.created"])
    for _ in range(20):
        acme.ticket()
    receiver.wait(url, 20, 10)
    for endpoint in [*dead, live]:
        api.delete(f"/webhooks/{endpoint['id']}")


@pytest.fixture(scope="module")
def logged(world, receiver):
    """A tenant with an endpoint that has 7 deliveries, newest first."""
    tenant = world.tenant("Logged")
    url = receiver.path()
    tenant.hook = tenant.endpoint(url, ["ticket.created"])
    for n in range(7):
        tenant.ticket()
        receiver.wait(url, n + 1)
    all_done = lambda: {one["status"] for one in listed(tenant.api, tenant.hook)["data"]} == {"delivered"}  # noqa: E731
    until("all are recorded", all_done)
    tenant.log = listed(tenant.api, tenant.hook)["data"]
    return tenant


def test_the_log_is_newest_first(logged):
    assert [one["created_at"] for one in logged.log] == sorted((one["created_at"] for one in logged.log), reverse=True)
    assert len(logged.log) == 7


@pytest.mark.parametrize("per_page", [1, 3, 7, 100])
def test_the_log_is_walked_by_cursor(logged, per_page):
    walked, cursor = [], {}
    while True:
        body = listed(logged.api, logged.hook, per_page=per_page, **cursor)
        assert sorted(body["meta"]) == ["has_more", "next_cursor"]
        walked += body["data"]
        assert body["meta"]["has_more"] == (body["meta"]["next_cursor"] is not None) == (len(walked) < 7)
        if not body["meta"]["has_more"]:
            break
        cursor = {"cursor": body["meta"]["next_cursor"]}
    assert walked == logged.log


def test_the_log_is_filtered_by_status(logged):
    assert listed(logged.api, logged.hook, status="delivered")["data"] == logged.log
    assert listed(logged.api, logged.hook, status="failed,retrying")["data"] == []
    path = f"/webhooks/{logged.hook['id']}/deliveries"
    assert violations(logged.api.get(f"{path}?status=gone"), 400, "invalid_parameter") == [("status", "invalid_enum")]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "a" * 200, "eyJhIjoxfQ"])
def test_a_cursor_that_was_not_given_out_is_400(logged, cursor):
    refused(logged.api.get(f"/webhooks/{logged.hook['id']}/deliveries?cursor={cursor}"), 400, "invalid_cursor")


def test_a_cursor_with_a_nul_breaks_the_rule_of_every_parameter(logged):
    answer = logged.api.get(f"/webhooks/{logged.hook['id']}/deliveries?cursor=%00")
    assert violations(answer, 400, "invalid_parameter") == [("cursor", "invalid_format")]


@pytest.mark.parametrize("query", ["page=1", "per_page=0", "per_page=101", "cursor="])
def test_the_log_takes_no_bad_page(logged, query):
    answer = logged.api.get(f"/webhooks/{logged.hook['id']}/deliveries?{query}")
    refused(answer, 400, "unknown_parameter" if query == "page=1" else "invalid_parameter")
