import asyncio
import json
import socket
import time
from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest

import inboxops
from inboxops import InboxopsError
from inboxops._error import retry_after_of
from inboxops._request import Request
from inboxops._retry import UNLIMITED, backoff, wait_before
from server import Server, data


def fails(way, code, call):
    with pytest.raises(InboxopsError) as caught:
        way.do(call())
    assert caught.value.code == code
    return caught.value


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_passing_failure_is_tried_again_for_a_read_and_for_a_write(way, serve, status):
    def answer(asked, number, reply):
        reply.refuse(status, "later") if number % 2 else reply.json(200, data({"id": "t1"}))

    client, asked = serve(answer)
    assert way.do(client.tickets.get(1))["id"] == "t1"
    assert way.do(client.tickets.update(1, {"status": "open"}))["id"] == "t1"
    assert [it.method for it in asked] == ["GET", "GET", "PATCH", "PATCH"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422, 500])
def test_another_failure_is_final(way, serve, status):
    client, asked = serve(lambda asked, number, reply: reply.refuse(status, "no_good", {"retry-after": "1"}))
    error = fails(way, "no_good", lambda: client.tickets.create({"subject": "A", "inbox_id": "i"}))
    assert (error.status, error.request_id, error.doc_url, error.retry_after) == (status, "req-1", "/d#no_good", 1)
    assert str(error) == "It is no_good. (no_good)"
    assert len(asked) == 1


def test_all_attempts_of_a_write_have_one_key_and_each_write_has_its_own(way, serve):
    def answer(asked, number, reply):
        reply.refuse(503, "later") if number < 3 else reply.json(200, data({"id": "t1"}))

    client, asked = serve(answer)
    way.do(client.tickets.update(1, {"status": "open"}))
    way.do(client.tickets.update(1, {"status": "open"}))
    way.do(client.tickets.update(1, {"status": "open"}, idempotency_key="mine", if_version=7, request_id="job-1"))
    keys = [it.headers["idempotency-key"] for it in asked]
    assert len(keys[0]) == 32 and keys[:3] == [keys[0]] * 3
    assert keys[3] != keys[0]
    last = asked[4].headers
    assert (keys[4], last["if-match"], last["x-request-id"]) == ("mine", '"7"', "job-1")
    assert last["user-agent"] == f"inboxops-python/{inboxops.__version__}"
    assert (last["authorization"], asked[4].body) == ("Bearer ixk_test", '{"status":"open"}')


def test_every_kind_of_write_has_a_key_and_a_read_has_none(way, serve):
    client, asked = serve(lambda asked, number, reply: reply.json(200, data({"id": "t1"})))
    way.do(client.tickets.get(1))
    way.do(client.tickets.create({"subject": "A", "inbox_id": "i"}))
    way.do(client.tickets.update(1, {}))
    way.do(client.webhooks.delete("w"))
    way.do(client.webhooks.promote_secret("w"))
    keyed = [(it.method, "idempotency-key" in it.headers) for it in asked]
    assert keyed == [("GET", False), ("POST", True), ("PATCH", True), ("DELETE", True), ("POST", True)]
    assert "content-type" not in asked[0].headers and asked[0].headers["accept"] == "application/json"


def test_retry_after_is_heeded(way, serve):
    def answer(asked, number, reply):
        reply.refuse(429, "rate_limited", {"retry-after": "1"}) if number == 1 else reply.json(200, data(1))

    client, asked = serve(answer)
    way.do(client.me())
    assert asked[1].at - asked[0].at >= 0.995


def test_a_retry_after_that_is_too_long_to_wait_for_is_told(way, serve):
    client, asked = serve(lambda asked, number, reply: reply.refuse(429, "rate_limited", {"retry-after": "3600"}))
    error = fails(way, "rate_limited", client.me)
    assert (error.status, error.retry_after, len(asked)) == (429, 3600, 1)


def test_a_connection_that_breaks_is_tried_again_before_the_answer_and_within_its_body(way, serve):
    def answer(asked, number, reply):
        if number == 1:
            return reply.cut()
        if number > 2:
            return reply.json(201, data({"id": "t1"}))
        reply.send(201, '{"data"', {"content-length": "100"})
        reply.cut()

    client, asked = serve(answer)
    assert way.do(client.tickets.create({"subject": "A", "inbox_id": "i"}))["id"] == "t1"
    assert len({it.headers["idempotency-key"] for it in asked}) == 1
    assert len(asked) == 3


def test_a_server_that_is_not_there_fails_after_the_last_attempt(way):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = way.client(f"http://127.0.0.1:{port}", max_retries=1)
    error = fails(way, "connection_failed", client.me)
    assert (error.status, error.request_id) == (0, None)
    assert isinstance(error.__cause__, httpx.ConnectError)


def test_an_answer_that_does_not_come_in_time_is_tried_again_and_then_fails(way, serve):
    client, asked = serve(lambda asked, number, reply: reply.hold(), max_retries=1)
    assert fails(way, "request_timeout", lambda: client.me(timeout=0.05)).status == 0
    assert len(asked) == 2


def test_max_retries_is_the_number_of_repeats(way, serve):
    client, asked = serve(lambda asked, number, reply: reply.refuse(503, "service_unavailable"), max_retries=2)
    fails(way, "service_unavailable", lambda: client.me(max_retries=0))
    assert len(asked) == 1
    fails(way, "service_unavailable", client.me)
    assert len(asked) == 4


def test_a_write_that_still_runs_because_of_an_earlier_attempt_is_waited_for(way, serve):
    def answer(asked, number, reply):
        if number == 1:
            reply.cut()
        elif number == 2:
            reply.refuse(409, "idempotency_in_progress", {"retry-after": "0"})
        else:
            reply.json(200, data({"id": "t1"}))

    client, asked = serve(answer)
    assert way.do(client.tickets.update(1, {}))["id"] == "t1"
    assert len(asked) == 3


def test_a_key_of_the_callers_that_is_in_use_elsewhere_is_a_failure(way, serve):
    client, asked = serve(
        lambda asked, number, reply: reply.refuse(409, "idempotency_in_progress", {"retry-after": "0"})
    )
    fails(way, "idempotency_in_progress", lambda: client.tickets.update(1, {}, idempotency_key="mine"))
    assert len(asked) == 1


def test_an_answer_that_is_not_the_apis_is_told_as_such(way, serve):
    def answer(asked, number, reply):
        if number == 1:
            reply.send(404, "<h1>Nothing here</h1>", {"content-type": "text/html"})
        elif number == 2:
            reply.send(200, "<h1>Welcome</h1>")
        elif number == 3:
            reply.send(302, headers={"location": "/login"})
        else:
            reply.send(400, ["[]", "null", '{"error": 5}', '{"error": {"code": 5}}'][number - 4])

    client, _ = serve(answer)
    for status in (404, 200, 302, 400, 400, 400, 400):
        assert fails(way, "unexpected_answer", client.me).status == status


def test_details_of_an_error_are_those_of_the_answer(way, serve):
    detail = {"location": "body", "field": "subject", "code": "blank", "message": "must not be blank"}
    client, _ = serve(lambda asked, number, reply: reply.refuse(422, "validation_failed", details=[detail]))
    error = fails(way, "validation_failed", lambda: client.tickets.update(1, {"subject": ""}))
    assert error.details == [detail]


def test_what_a_newer_server_has_does_no_harm(way, serve):
    def answer(asked, number, reply):
        if number == 1:
            reply.json(200, data({"id": "t1", "status": "snoozed", "mood": "good"}))
        else:
            reply.refuse(422, "brand_new_code", details=[{"code": "brand_new"}])

    client, _ = serve(answer)
    assert way.do(client.tickets.get(1)) == {"id": "t1", "status": "snoozed", "mood": "good"}
    assert fails(way, "brand_new_code", lambda: client.tickets.get(1)).details == [{"code": "brand_new"}]


def test_values_of_a_path_are_escaped_and_what_would_name_another_path_is_refused(way, serve):
    client, asked = serve(lambda asked, number, reply: reply.json(200, data(None)))
    way.do(client.tickets.get("a/b?c ä"))
    assert asked[0].url == "/api/v1/tickets/a%2Fb%3Fc%20%C3%A4"
    for id in ("", ".", ".."):
        with pytest.raises(ValueError, match="ticket_id is no id"):
            way.do(client.tickets.get(id))
    assert len(asked) == 1


def test_a_delete_answers_nothing(way, serve):
    client, asked = serve(lambda asked, number, reply: reply.send(204))
    assert way.do(client.tickets.remove_tag(1, "g1")) is None
    assert (asked[0].method, asked[0].url) == ("DELETE", "/api/v1/tickets/1/tags/g1")


def test_the_base_may_have_a_slash_or_the_apis_own_path_behind_it(way, serve):
    client, asked = serve(lambda asked, number, reply: reply.json(200, data(1)))
    way.do(client.me())
    url = f"http://{asked[0].headers['host']}"
    for end in ("/", "/api/v1", "/api/v1/"):
        way.do(way.client(url + end).me())
    assert {it.url for it in asked} == {"/api/v1/me"} and len(asked) == 4
    for base in ("", "desk.example.com", "ftp://desk.example.com", "https://"):
        with pytest.raises(ValueError, match="base_url"):
            way.client(base)
    with pytest.raises(ValueError, match="api_key"):
        way.client(url, api_key="")


def test_a_client_may_be_a_context_and_use_another_http_client(way, serve):
    client, asked = serve(lambda asked, number, reply: reply.json(200, data(number)))
    way.do(client.me())
    is_async = way.kind is inboxops.AsyncInboxops
    own = (httpx.AsyncClient if is_async else httpx.Client)(headers={"x-proxy": "p1"})
    other = way.client(f"http://{asked[0].headers['host']}", http_client=own)

    async def entered():
        async with other as it:
            return await it.me()

    if is_async:
        assert way.do(entered()) == 2
    else:
        with other as it:
            assert it.me() == 2
    assert asked[1].headers["x-proxy"] == "p1"
    assert not own.is_closed, "it is the caller's"
    way.do(own.aclose() if is_async else own.close())


def test_a_client_of_ours_is_closed(way, serve):
    client, _ = serve(lambda asked, number, reply: reply.json(200, data(1)))
    way.do(client.me())
    way.do(client.aclose() if way.kind is inboxops.AsyncInboxops else client.close())
    with pytest.raises(RuntimeError, match="closed"):
        way.do(client.me())


def test_values_are_written_as_the_api_reads_them():
    noon = datetime(2026, 11, 24, 12, tzinfo=timezone(timedelta(hours=1)))
    query = {"status": ["open", "pending"], "q": "a b&c", "dry": True, "since": noon, "page": 2, "left": None}
    request = Request("GET", "/x", query=query, body={"since": noon, "name": "Größe"})
    assert request.target() == "/x?status=open%2Cpending&q=a%20b%26c&dry=true&since=2026-11-24T11%3A00%3A00Z&page=2"
    assert json.loads(request.content()) == {"since": "2026-11-24T11:00:00Z", "name": "Größe"}
    with pytest.raises(ValueError, match="needs a zone"):
        Request("GET", "/x", query={"since": datetime(2026, 11, 24)}).target()
    with pytest.raises(TypeError, match="no form in JSON"):
        Request("POST", "/x", body={"a": object()}).content()


def test_the_back_off_is_anything_up_to_a_bound_that_doubles_up_to_a_cap():
    assert [backoff(it, 1.0) for it in (0, 1, 2, 5, 6, 100)] == [0.25, 0.5, 1, 8, 10, 10]
    assert backoff(3, 0.0) == 0


def test_a_repeat_never_comes_before_retry_after():
    error = InboxopsError("later", code="later", status=429, retry_after=30)
    assert wait_before(error, 0, 4, 0.0) == 30
    assert wait_before(error, 3, 4, 1.0) == 31
    assert wait_before(error, 4, 4, 1.0) is None
    error.retry_after = 121
    assert wait_before(error, 0, 4, 0.0) is None
    assert wait_before(error, 1000, UNLIMITED, 0.0) == 121


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 0 ", 0),
        ("Tue, 24 Nov 2026 12:00:09 GMT", 9),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-1", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value, seconds):
    assert retry_after_of(value, datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()) == seconds


def test_a_task_that_is_canceled_ends_its_call_and_its_pause():
    server = Server(lambda asked, number, reply: reply.refuse(503, "later", {"retry-after": "100"}))

    async def canceled():
        async with inboxops.AsyncInboxops(server.url, "k") as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await client.me()

    begun = time.monotonic()
    asyncio.run(canceled())
    assert time.monotonic() - begun < 10
    assert len(server.asked) == 1
    server.close()
