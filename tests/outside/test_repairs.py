"""Over REST: a delivery canceled, an endpoint's deliveries resent, its statistics, and what it did not get."""

from datetime import datetime, timedelta, timezone

import pytest

from product import until
from receiver import Answer
from test_deliveries import DELIVERY, listed, only
from test_recovery import off, progress
from world import random_id, refused, violations

ABORT = {"webhook-delivery": "abort-message"}


def test_a_canceled_delivery_is_not_tried_again(acme, api, receiver):
    endpoint = acme.endpoint(receiver.path(Answer(503)), ["ticket.created"])
    acme.ticket()
    one = only(api, endpoint, "retrying")
    headers = {"Idempotency-Key": "cancel it"}
    answer = api.post(f"/deliveries/{one['id']}/cancel", headers=headers)
    assert answer.status_code == 200, answer.text
    shown = answer.json()["data"]
    assert set(shown) == set(DELIVERY) and (shown["id"], shown["status"]) == (one["id"], "canceled")
    assert shown["next_attempt_at"] is None
    refused(api.post(f"/deliveries/{one['id']}/cancel"), 409, "conflict")
    again = api.post(f"/deliveries/{one['id']}/cancel", headers=headers)
    assert (again.status_code, again.content) == (200, answer.content) and again.headers["idempotency-replayed"] == "true"
    assert [row["status"] for row in listed(api, endpoint)["data"]] == ["canceled"]


@pytest.mark.parametrize("id", ["nothing", "1", "unknown"])
def test_a_delivery_that_does_not_exist_is_not_canceled(api, id):
    refused(api.post(f"/deliveries/{random_id() if id == 'unknown' else id}/cancel"), 404, "delivery_not_found")


def test_a_finished_delivery_is_not_canceled(acme, api, receiver):
    endpoint = acme.endpoint(receiver.path(), ["ticket.created"])
    acme.ticket()
    one = only(api, endpoint, "delivered")
    refused(api.post(f"/deliveries/{one['id']}/cancel"), 409, "conflict")


def test_what_failed_is_resent_in_bulk_and_tests_are_not(world, receiver):
    tenant = world.tenant("Bulk")
    api, url = tenant.api, receiver.path(Answer(500, headers=ABORT))
    endpoint = tenant.endpoint(url, ["ticket.created"])
    for n in range(5):
        tenant.ticket(subject=f"Lost {n}")
    test = api.post(f"/webhooks/{endpoint['id']}/test", json={"event": "ticket.created"}).json()["data"]
    failed = lambda: listed(api, endpoint, status="failed", per_page=100)["data"]  # noqa: E731
    until("all have failed", lambda: len(failed()) == 6)
    path = f"/webhooks/{endpoint['id']}/resend"
    dry = api.post(path, json={"status": ["failed"], "dry_run": True})
    assert dry.status_code == 200, dry.text
    told = dry.json()["data"]
    assert (told["id"], told["matched"], told["created"], told["done"]) == (None, 5, 0, True)
    times = sorted(row["created_at"] for row in failed() if not row["test"])
    part = api.post(path, json={"status": ["failed"], "since": times[1], "until": times[4], "dry_run": True}).json()["data"]
    assert part["matched"] in (3, 4), "to the millisecond, in which the last may have begun as well"
    receiver.answer(url, Answer())
    answer = api.post(path, json={"status": ["failed"]})
    assert answer.status_code == 202, answer.text
    job = answer.json()["data"]
    assert set(job) == set(told) and job["id"] and job["matched"] == 5
    ended = until("the job is done", lambda: (lambda it: it if it["done"] else None)(progress(api, job)))
    assert (ended["matched"], ended["created"]) == (5, 5)
    until("all are delivered", lambda: len(listed(api, endpoint, status="delivered")["data"]) == 5)
    assert [row["id"] for row in failed()] == [test["id"]], "the test is left alone"
    answer = api.post(path, json={"status": ["failed"]})
    assert (answer.status_code, answer.json()["data"]["matched"]) == (202, 0)


def test_a_bulk_resend_says_what_is_wrong_with_it(acme, api, receiver):
    endpoint = acme.endpoint(receiver.path(), ["ticket.created"], enabled=False)
    path = f"/webhooks/{endpoint['id']}/resend"
    assert violations(api.post(path, json={})) == [("status", "required")]
    assert violations(api.post(path, json={"status": []})) == [("status", "required")]
    assert violations(api.post(path, json={"status": ["lost"]})) == [("status[0]", "invalid_enum")]
    later = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()
    assert violations(api.post(path, json={"status": ["failed"], "since": later})) == [("since", "out_of_range")]
    refused(api.post(f"/webhooks/{random_id()}/resend", json={"status": ["failed"]}), 404, "endpoint_not_found")


def test_statistics_count_what_the_log_shows(world, receiver):
    tenant = world.tenant("Counted")
    api, url = tenant.api, receiver.path()
    endpoint = tenant.endpoint(url, ["ticket.created"])
    path = f"/webhooks/{endpoint['id']}/stats"
    fresh = api.get(path).json()["data"]
    assert set(fresh) == {"endpoint_id", "counts", "last_24_hours", "last_7_days", "last_attempt"}
    assert (fresh["endpoint_id"], fresh["counts"], fresh["last_attempt"]) == (endpoint["id"], [], None)
    counted = lambda: {one["status"]: one["count"] for one in api.get(path).json()["data"]["counts"]}  # noqa: E731
    # One after the other, since results that come together have no last one.
    for status, counts in ((200, {"delivered": 1}), (200, {"delivered": 2}), (500, {"delivered": 2, "failed": 1})):
        receiver.answer(url, Answer(status, headers=ABORT if status == 500 else {}))
        tenant.ticket()
        until("it is counted", lambda: counted() == counts)  # noqa: B023
    told = api.get(path).json()["data"]
    for period, parts in (("last_24_hours", 24), ("last_7_days", 7)):
        assert (told[period]["succeeded"], told[period]["failed"], len(told[period]["buckets"])) == (2, 1, parts)
        assert told[period]["median_ms"] is not None and told[period]["p95_ms"] is not None
    assert (told["last_attempt"]["response_status"], told["last_attempt"]["error_code"]) == (500, "http_5xx")
    refused(api.get(f"/webhooks/{random_id()}/stats"), 404, "endpoint_not_found")


def test_what_was_not_delivered_is_listed_by_cursor(world, receiver):
    tenant = world.tenant("Missed")
    api = tenant.api
    endpoint = tenant.endpoint(receiver.path(Answer(500)), ["ticket.created"])
    tenant.ticket()
    only(api, endpoint, "retrying")
    off(api, endpoint)
    tenant.ticket()
    path = f"/webhooks/{endpoint['id']}/undelivered"
    whole = until("both are listed", lambda: (lambda it: it if len(it) == 2 else None)(api.get(path).json()["data"]))
    assert [(one["status"], one["delivery_id"] is None) for one in whole] == [("paused", False), (None, True)]
    assert {frozenset(one) for one in whole} == {frozenset({"event_id", "event", "created_at", "delivery_id", "status"})}
    walked, query = [], {"per_page": 1}
    while True:
        body = api.get(path, params=query).json()
        walked += body["data"]
        assert sorted(body["meta"]) == ["has_more", "next_cursor"]
        if not body["meta"]["has_more"]:
            break
        query["cursor"] = body["meta"]["next_cursor"]
    assert walked == whole
    assert api.get(path, params={"since": whole[1]["created_at"]}).json()["data"] == whole[1:]
    refused(api.get(path, params={"cursor": "x"}), 400, "invalid_cursor")
    refused(api.get(f"/webhooks/{random_id()}/undelivered"), 404, "endpoint_not_found")
    refused(api.get(path, params={"since": "2999-01-01T00:00:00Z"}), 400, "invalid_parameter")
