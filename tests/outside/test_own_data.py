"""Test events with data of the caller's own, by REST and by gRPC: it arrives as it was given, signed; what only the server says
cannot be forged; what cannot be sent is refused with its field."""

import json

import grpc
import pytest

from product import until
from receiver import Answer
from rpc import Stub, channel
from test_grpc import refused as refused_by_grpc
from world import random_id, refused, violations

EVENT_MAX_BYTES = 256 * 1024
JSON = {"Content-Type": "application/json"}
GIVEN = {
    "zebra": {"total": 1.5, "lines": [{"sku": "A 1", "note": None}, []]},
    "ticket": "not a ticket",
    "event": "mine",
    "": "ä€😀\u0000",
}
FORGED = {"test": False, "actor": {"type": "agent", "id": None, "name": "Forged"}, "group": "mine"}


@pytest.fixture(scope="module")
def line(server):
    with channel(server.port) as line:
        yield line


@pytest.fixture
def by_rest(api):
    def send(endpoint, text, event="ticket.updated"):
        body = b'{"event":"%s","data":%s}' % (event.encode(), text.encode())
        answer = api.post(f"/webhooks/{endpoint['id']}/test", content=body, headers=JSON)
        assert answer.status_code == 202, answer.text
        return answer.json()["data"]["id"]

    return send


@pytest.fixture
def webhooks(line, acme):
    return Stub(line, "v1", "webhooks", "WebhookService", acme.key["key"])


@pytest.fixture
def by_grpc(webhooks):
    def send(endpoint, text, event="ticket.updated"):
        return webhooks.send_test_event(endpoint_id=endpoint["id"], event=event, data=text).delivery.id

    return send


@pytest.fixture(params=["rest", "grpc"])
def send(request):
    return request.getfixturevalue(f"by_{request.param}")


def logged(api, delivery, status="delivered"):
    """The delivery in full, once it has this status."""
    def has():
        shown = api.get(f"/deliveries/{delivery}").json()["data"]
        return shown if shown["status"] == status else None

    return until(f"it is {status}", has)


def test_own_data_arrives_signed_with_what_only_the_server_says(acme, api, receiver, send):
    url = receiver.path()
    endpoint = acme.endpoint(url, ["inbox.error"])
    delivery = send(endpoint, json.dumps(FORGED | GIVEN), "message.sent")
    [hit] = receiver.wait(url, 1)
    hit.verify(endpoint["secret"])
    assert hit.header("X-InboxOps-Event") == "message.sent" and hit.header("X-InboxOps-Delivery") == delivery
    assert list(hit.json) == ["event", "event_id", "tenant_id", "created_at", "data"]
    assert (hit.json["event"], hit.json["event_id"], hit.json["tenant_id"]) == ("message.sent", hit.header("webhook-id"), acme.id)
    data = hit.json["data"]
    assert list(data) == ["actor", "group", *GIVEN, "test"]
    assert data == GIVEN | {"test": True, "actor": data["actor"], "group": data["group"]}
    assert (data["actor"]["type"], data["actor"]["id"]) == ("api_key", acme.key["id"])
    assert data["group"] != FORGED["group"]
    shown = logged(api, delivery)
    assert shown["payload"] == hit.json
    assert (shown["test"], shown["max_attempts"], shown["ticket_id"], shown["subject"]) == (True, 1, None, None)


def test_only_white_space_between_tokens_is_not_sent(acme, receiver, send):
    url = receiver.path()
    endpoint = acme.endpoint(url)
    send(endpoint, '{ "b" : 1.10 ,\n\t"\\u0061 c": [ 12345678901234567890123 , 1E2 ], "t\\u0065st": null , "d" : "e  \\" f" }')
    [hit] = receiver.wait(url, 1)
    assert hit.body.endswith(b',"b":1.10,"a c":[12345678901234567890123,1E2],"d":"e  \\" f","test":true}}'), hit.body


def test_an_empty_object_is_own_data(acme, receiver, send):
    url = receiver.path()
    send(acme.endpoint(url), "{}")
    [hit] = receiver.wait(url, 1)
    assert list(hit.json["data"]) == ["actor", "group", "test"]


def test_own_data_is_no_event_for_others(world, receiver):
    tenant = world.tenant("Alone")
    url, other = receiver.path(), receiver.path()
    endpoint = tenant.endpoint(url, enabled=False)
    tenant.endpoint(other, ["*"])
    answer = tenant.api.post(f"/webhooks/{endpoint['id']}/test", json={"event": "ticket.created", "data": {"mine": "alone"}})
    assert answer.status_code == 202, answer.text
    receiver.wait(url, 1)
    ticket = tenant.ticket()
    assert receiver.wait(other, 1)[0].json["data"]["ticket"]["id"] == ticket["id"]
    listed = until("the ticket's event is listed", lambda: tenant.api.get("/events").json()["data"])
    assert "mine" not in json.dumps(listed) and len(receiver.at(other)) == 1


def test_a_thin_endpoint_gets_own_data_whole_each_time(acme, api, receiver):
    url = receiver.path(Answer(500))
    endpoint = acme.endpoint(url, payload="thin")
    members = {"event": "ticket.created", "data": GIVEN}
    delivery = api.post(f"/webhooks/{endpoint['id']}/test", json=members).json()["data"]["id"]
    logged(api, delivery, "failed")
    receiver.answer(url, Answer(200))
    assert api.post(f"/deliveries/{delivery}/resend").status_code == 202
    first, again = receiver.wait(url, 2)
    assert first.body == again.body and first.json["data"] | GIVEN == first.json["data"]
    again.verify(endpoint["secret"])
    assert logged(api, delivery)["payload"] == first.json


NESTED = {depth: '{"a":' * (depth - 1) + "{" + "}" * depth for depth in (31, 32)}
NO_OBJECTS = ["[]", '"{}"', "null", "7", "true"]
TWICE = ['{"a":1,"a":1}', '{"a":[{"b":1,"b":2}]}', '{"test":true,"t\\u0065st":true}']


@pytest.mark.parametrize("text", NO_OBJECTS)
def test_what_is_no_object_is_400_in_rest(acme, api, text):
    endpoint = acme.endpoint("http://127.0.0.1:9999/")
    body = '{"event":"ticket.created","data":%s}' % text
    answer = api.post(f"/webhooks/{endpoint['id']}/test", content=body, headers=JSON)
    assert violations(answer, 400, "invalid_request") == [("data", "invalid_type")]


@pytest.mark.parametrize("text", [*TWICE, NESTED[32], "{", '{"a":"\\ud800"}'], ids=range(6))
def test_what_no_body_may_have_is_400_in_rest(acme, api, text):
    endpoint = acme.endpoint("http://127.0.0.1:9999/")
    body = '{"event":"ticket.created","data":%s}' % text
    refused(api.post(f"/webhooks/{endpoint['id']}/test", content=body, headers=JSON), 400, "malformed_json")


CASES = [(text, "invalid_type") for text in NO_OBJECTS]
CASES += [(text, "invalid_format") for text in [*TWICE, NESTED[32], "{", '{"a":"\\ud800"}', "", "{} {}", "mine"]]


@pytest.mark.parametrize("text,code", CASES, ids=range(len(CASES)))
def test_a_text_that_is_no_such_object_is_refused_by_grpc(acme, webhooks, text, code):
    endpoint = acme.endpoint("http://127.0.0.1:9999/")
    call = lambda: webhooks.send_test_event(endpoint_id=endpoint["id"], event="ticket.created", data=text)  # noqa: E731
    found = refused_by_grpc(call, grpc.StatusCode.INVALID_ARGUMENT, "VALIDATION_FAILED")
    assert [(one.field, one.reason) for one in found["BadRequest"].field_violations] == [("data", code)]


def test_the_deepest_object_that_is_taken_arrives(acme, receiver, send):
    url = receiver.path()
    send(acme.endpoint(url), NESTED[31])
    assert receiver.wait(url, 1)[0].json["data"]["a"] == json.loads(NESTED[31])["a"]


def test_an_event_has_at_most_256_kib(acme, api, webhooks, receiver, send):
    url = receiver.path()
    endpoint = acme.endpoint(url)
    send(endpoint, '{"a":""}')
    [small] = receiver.wait(url, 1)
    letters = EVENT_MAX_BYTES - len(small.body)
    send(endpoint, '{"a":"%s"}' % ("a" * letters))
    largest = receiver.wait(url, 2)[1]
    assert len(largest.body) == EVENT_MAX_BYTES
    largest.verify(endpoint["secret"])
    beyond = {"a": "a" * (letters + 1)}
    for id in (endpoint["id"], random_id()):
        answer = api.post(f"/webhooks/{id}/test", json={"event": "ticket.updated", "data": beyond})
        assert violations(answer) == [("data", "too_long")]
        call = lambda: webhooks.send_test_event(endpoint_id=id, event="ticket.updated", data=json.dumps(beyond))  # noqa: B023, E731
        found = refused_by_grpc(call, grpc.StatusCode.INVALID_ARGUMENT, "VALIDATION_FAILED")
        assert [(one.field, one.reason) for one in found["BadRequest"].field_violations] == [("data", "too_long")]
    assert len(receiver.at(url)) == 2


def test_nothing_but_data_can_be_given(acme, api):
    endpoint = acme.endpoint("http://127.0.0.1:9999/")
    for name in ("test", "actor", "event_id", "tenant_id", "created_at", "group"):
        members = {"event": "ticket.created", "data": {}, name: "mine"}
        assert violations(api.post(f"/webhooks/{endpoint['id']}/test", json=members)) == [(name, "unknown_field")]
