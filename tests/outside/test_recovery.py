"""Missed events are recovered, also after a crash; deliveries are canceled, listed and resent in bulk."""

from datetime import datetime, timedelta, timezone

import grpc
import httpx
import pytest

from product import until
from receiver import Answer
from rpc import Stub, channel, details, module
from test_deliveries import listed
from world import random_id, refused, violations

MISSED = 400


def now():
    return datetime.now(timezone.utc).isoformat()


def timestamp(text):
    from google.protobuf.timestamp_pb2 import Timestamp

    stamp = Timestamp()
    stamp.FromJsonString(text.replace("+00:00", "Z"))
    return stamp


class Desk:
    """DeliveryService for a tenant, called as a program of the operator does."""

    def __init__(self, server, tenant):
        if not hasattr(server, "program"):
            server.program = server.cli("token", "create", "--name", "A program")["token"]
        self.stub = Stub(channel(server.core_port), "v1", "deliveries", "DeliveryService", server.program)
        self.stub.metadata = [*self.stub.metadata, ("x-inboxops-tenant", tenant.id)]
        self.status = module("inboxops.v1.deliveries_pb2").DeliveryStatus

    def __getattr__(self, name):
        return getattr(self.stub, name)


def off(api, endpoint, enabled=False):
    answer = api.patch(f"/webhooks/{endpoint['id']}", json={"enabled": enabled})
    assert answer.status_code == 200, answer.text


def recover(api, endpoint, since, **members):
    return api.post(f"/webhooks/{endpoint['id']}/recover", json={"since": since} | members)


def progress(api, job):
    answer = api.get(f"/webhooks/{job['endpoint_id']}/recoveries/{job['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_what_happened_while_an_endpoint_was_off_is_recovered(world, receiver):
    tenant = world.tenant("Missing")
    api, url = tenant.api, receiver.path()
    endpoint = tenant.endpoint(url, ["ticket.created"])
    tenant.ticket(subject="Seen")
    receiver.wait(url, 1)
    # The receiver has it before its answer is on record.
    until("it is on record", lambda: [it["status"] for it in listed(api, endpoint)["data"]] == ["delivered"])
    since = now()
    off(api, endpoint)
    missed = [tenant.ticket(subject=f"Missed {n}")["id"] for n in range(5)]
    answer = recover(api, endpoint, since, dry_run=True)
    assert answer.status_code == 200, answer.text
    told = answer.json()["data"]
    assert (told["id"], told["matched"], told["created"], told["done"]) == (None, 5, 0, True)
    assert listed(api, endpoint)["data"][0]["status"] == "delivered" and len(listed(api, endpoint)["data"]) == 1
    off(api, endpoint, True)
    answer = recover(api, endpoint, since)
    assert answer.status_code == 202, answer.text
    job = answer.json()["data"]
    assert {"id", "matched", "created", "done"} <= set(job) and job["matched"] == 5
    hits = receiver.wait(url, 6)
    assert sorted(hit.json["data"]["ticket"]["id"] for hit in hits[1:]) == sorted(missed)
    for hit in hits:
        hit.verify(endpoint["secret"])
    ended = until("the job is done", lambda: (lambda it: it if it["done"] else None)(progress(api, job)))
    assert (ended["matched"], ended["created"]) == (5, 5)
    until("all are delivered", lambda: {it["status"] for it in listed(api, endpoint)["data"]} == {"delivered"})
    answer = recover(api, endpoint, since)
    assert (answer.status_code, answer.json()["data"]["matched"]) == (202, 0), "what arrived is not sent again"
    assert len(receiver.at(url)) == 6


def test_a_recovery_is_refused_as_the_contract_says(world, receiver):
    tenant, other = world.tenant("Refused"), world.tenant("Other")
    api, endpoint = tenant.api, tenant.endpoint(receiver.path())
    path = f"/webhooks/{endpoint['id']}/recover"
    assert violations(api.post(path, json={})) == [("since", "required")]
    later = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()
    assert violations(api.post(path, json={"since": later})) == [("since", "out_of_range")]
    early = (datetime.now(timezone.utc) - timedelta(hours=1)).isoformat()
    assert violations(api.post(path, json={"since": now(), "until": early})) == [("until", "out_of_range")]
    assert violations(api.post(path, json={"since": "yesterday"})) == [("since", "invalid_format")]
    refused(other.api.post(path, json={"since": now()}), 404, "endpoint_not_found")
    refused(api.get(f"/webhooks/{endpoint['id']}/recoveries/{random_id()}"), 404, "recovery_not_found")
    off(api, endpoint)
    for _ in range(3):
        tenant.ticket()


def test_a_recovery_goes_on_after_kill_9_and_makes_nothing_twice(world, server, receiver):
    tenant = world.tenant("Crashing")
    url = receiver.path()
    endpoint = tenant.endpoint(url, ["ticket.created"])
    off(tenant.api, endpoint)
    since = (datetime.now(timezone.utc) - timedelta(minutes=1)).isoformat()
    missed = [tenant.ticket(subject=f"Missed {n}")["id"] for n in range(MISSED)]
    off(tenant.api, endpoint, True)
    job = recover(tenant.api, endpoint, since).json()["data"]
    assert job["matched"] == MISSED
    # Somewhere in the middle of it, whatever it is doing.
    until("some arrived", lambda: len(receiver.at(url)) >= 3)
    server.kill()
    server.start()
    with httpx.Client(base_url=f"{server.url}/api/v1", headers=tenant.api.headers, timeout=10) as api:
        ended = until("the job is done", lambda: (lambda it: it if it["done"] else None)(progress(api, job)), 45)
        assert (ended["matched"], ended["created"]) == (MISSED, MISSED)

        def arrived():
            return set(missed) <= {hit.json["data"]["ticket"]["id"] for hit in receiver.at(url)}

        until("every missed event arrives", arrived, 60)
        waiting = f"/webhooks/{endpoint['id']}/deliveries?status=pending,retrying"
        until("nothing waits any more", lambda: api.get(waiting).json()["data"] == [], 60)
    by_ticket = {}
    for hit in receiver.at(url):
        hit.verify(endpoint["secret"])
        by_ticket.setdefault(hit.json["data"]["ticket"]["id"], set()).add(hit.header("webhook-id"))
    assert set(by_ticket) == set(missed)
    assert all(len(ids) == 1 for ids in by_ticket.values()), "a repeat has the same id"


def test_what_an_endpoint_did_not_get_is_listed(world, server, receiver):
    tenant = world.tenant("Listing")
    url = receiver.path(Answer(500))
    endpoint = tenant.endpoint(url, ["ticket.created"])
    desk = Desk(server, tenant)
    since = timestamp((datetime.now(timezone.utc) - timedelta(minutes=1)).isoformat())
    failing = tenant.ticket()
    until("it was tried", lambda: listed(tenant.api, endpoint)["data"][0]["attempt_count"] == 1)
    receiver.answer(url, Answer())
    tenant.ticket()
    until("the second arrived", lambda: listed(tenant.api, endpoint)["data"][0]["status"] == "delivered")
    off(tenant.api, endpoint)
    missed = tenant.ticket()
    until("all three are seen", lambda: len(desk.list_undelivered(endpoint_id=endpoint["id"], since=since).events) == 2)
    first, second = desk.list_undelivered(endpoint_id=endpoint["id"], since=since).events
    assert first.delivery_id and first.status == desk.status.Value("DELIVERY_STATUS_PAUSED")
    assert not second.HasField("delivery_id") and not second.HasField("status")
    assert first.created_at.ToDatetime(timezone.utc).isoformat(timespec="microseconds").startswith(failing["created_at"][:19])
    page = desk.list_undelivered(endpoint_id=endpoint["id"], since=since, per_page=1)
    assert page.meta.has_more and page.events[0].event_id == first.event_id
    page = desk.list_undelivered(endpoint_id=endpoint["id"], since=since, per_page=1, cursor=page.meta.next_cursor)
    assert not page.meta.has_more and page.events[0].event_id == second.event_id
    assert missed["id"]


def test_a_delivery_that_is_stopped_is_not_tried_again(world, server, receiver):
    tenant = world.tenant("Stopping")
    url = receiver.path(Answer(503))
    endpoint = tenant.endpoint(url, ["ticket.created"])
    desk = Desk(server, tenant)
    tenant.ticket()
    one = until("it waits for its retry", lambda: next((it for it in listed(tenant.api, endpoint)["data"] if it["status"] == "retrying"), None))
    stopped = desk.cancel_delivery(delivery_id=one["id"]).delivery
    assert stopped.status == desk.status.Value("DELIVERY_STATUS_CANCELED")
    [row] = listed(tenant.api, endpoint)["data"]
    assert (row["status"], row["next_attempt_at"], row["attempt_count"]) == ("canceled", None, 1)
    with pytest.raises(grpc.RpcError) as error:
        desk.cancel_delivery(delivery_id=one["id"])
    assert (error.value.code(), details(error.value)["ErrorInfo"].reason) == (grpc.StatusCode.ABORTED, "CONFLICT")
    receiver.answer(url, Answer())
    assert tenant.api.post(f"/deliveries/{one['id']}/resend").status_code == 202
    until("it is delivered", lambda: listed(tenant.api, endpoint)["data"][0]["status"] == "delivered")


def test_many_are_sent_again_and_counted_first(world, server, receiver):
    tenant = world.tenant("Again")
    url = receiver.path(Answer(500, headers={"webhook-delivery": "abort-message"}))
    endpoint = tenant.endpoint(url, ["ticket.created"])
    desk = Desk(server, tenant)
    for n in range(30):
        tenant.ticket(subject=f"Lost {n}")

    def failed():
        return len(tenant.api.get(f"/webhooks/{endpoint['id']}/deliveries?status=failed&per_page=100").json()["data"])

    until("all have failed", lambda: failed() == 30)
    stats = desk.get_delivery_stats()
    assert [(it.status, it.count) for it in stats.total.counts] == [(desk.status.Value("DELIVERY_STATUS_FAILED"), 30)]
    assert (stats.total.last_24_hours.failed, stats.total.last_24_hours.succeeded) == (30, 0)
    told = desk.resend_deliveries(dry_run=True).resend
    assert (told.matched, told.more, told.HasField("id")) == (30, False, False)
    assert failed() == 30 and len(receiver.at(url)) == 30
    receiver.answer(url, Answer())
    job = desk.resend_deliveries(endpoint_id=endpoint["id"]).resend
    assert job.matched == 30 and job.id
    receiver.wait(url, 60, 60)
    until("the job is done", lambda: desk.get_resend(resend_id=job.id).resend.done)
    assert desk.get_resend(resend_id=job.id).resend.resent == 30
    until("all are delivered", lambda: failed() == 0 and len(listed(tenant.api, endpoint, status="delivered", per_page=100)["data"]) == 30)
    counts = {it.status: it.count for it in desk.get_delivery_stats().total.counts}
    assert counts == {desk.status.Value("DELIVERY_STATUS_DELIVERED"): 30}
