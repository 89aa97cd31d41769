"""Transport, methods, headers, compression, limits of size."""

import gzip
import http.client
import json
import re
import socket

import httpx
import pytest

from wire import request, send
from world import random_id, refused

ROUTES = {
    "/tickets": "GET HEAD POST OPTIONS",
    "/tickets/{id}": "GET HEAD PATCH OPTIONS",
    "/tickets/{id}/messages": "GET HEAD POST OPTIONS",
    "/tickets/{id}/tags": "GET HEAD POST OPTIONS",
    "/tickets/{id}/tags/{id}": "DELETE OPTIONS",
    "/inboxes": "GET HEAD OPTIONS",
    "/inboxes/{id}": "GET HEAD OPTIONS",
    "/tags": "GET HEAD OPTIONS",
    "/agents": "GET HEAD OPTIONS",
    "/me": "GET HEAD OPTIONS",
    "/webhooks": "GET HEAD POST OPTIONS",
    "/webhooks/{id}": "GET HEAD PATCH DELETE OPTIONS",
    "/webhooks/{id}/test": "POST OPTIONS",
    "/webhooks/{id}/deliveries": "GET HEAD OPTIONS",
    "/webhook-event-types": "GET HEAD OPTIONS",
    "/deliveries/{id}": "GET HEAD OPTIONS",
    "/deliveries/{id}/resend": "POST OPTIONS",
}


def listed(allow):
    return set(re.split(r",\s*", allow))


@pytest.mark.parametrize("route", ROUTES)
def test_options_names_the_methods_and_needs_no_key(world, route):
    answer = world.client().options(route.format(id=random_id()))
    assert (answer.status_code, answer.content) == (204, b"")
    assert listed(answer.headers["allow"]) == set(ROUTES[route].split())


@pytest.mark.parametrize("route", ROUTES)
def test_another_method_is_405_with_allow_before_any_key_is_asked_for(world, route):
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(ROUTES[route].split()):
        answer = world.client().request(method, route.format(id=random_id()))
        refused(answer, 405, "method_not_allowed")
        assert listed(answer.headers["allow"]) == set(ROUTES[route].split())


@pytest.mark.parametrize("path", ["/nothing", "/tickets/a/b/c", "/tickets/", "/me/", "/webhooks/", "/", "", "/Tickets"])
def test_an_unknown_path_is_404_in_the_same_shape(world, api, path):
    url = f"{world.server.url}/api/v1{path}"
    for headers in ({}, {"Authorization": api.headers["Authorization"]}):
        refused(httpx.get(url, headers=headers), 404, "route_not_found")


def test_a_path_outside_the_api_is_404(world):
    assert httpx.get(f"{world.server.url}/api/v2/tickets").status_code == 404


@pytest.mark.parametrize("path", ["/tickets", "/me", "/inboxes"])
def test_head_answers_as_get_without_a_body(acme, api, path):
    got, headed = api.get(path), api.head(path)
    assert (headed.status_code, headed.content) == (200, b"")
    for name in ("content-type", "cache-control", "vary", "x-content-type-options", "ratelimit-policy"):
        assert headed.headers.get(name) == got.headers.get(name)


def test_head_of_nothing_is_404(api):
    answer = api.head(f"/tickets/{random_id()}")
    assert (answer.status_code, answer.content) == (404, b"")


def test_http_2_is_spoken_without_tls(server, acme):
    with httpx.Client(http1=False, http2=True) as http2:
        answer = http2.get(f"{server.url}/api/v1/me", headers={"Authorization": f"Bearer {acme.key['key']}"})
    assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)


def every_answer(acme, world):
    """One answer of each kind, by what it is."""
    api, none = acme.api, world.client()
    ticket = acme.ticket()
    tag = api.post(f"/tickets/{ticket['id']}/tags", json={"tag_name": "transport"}).json()["data"]
    yield "200", api.get("/tickets")
    yield "201", api.post("/tickets", json={"subject": "x", "inbox_id": acme.inbox["id"]})
    yield "204", api.delete(f"/tickets/{ticket['id']}/tags/{tag['id']}")
    yield "204", none.options("/tickets")
    yield "400", api.get("/tickets", params={"page": 0})
    yield "401", none.get("/tickets")
    yield "404", api.get(f"/tickets/{random_id()}")
    yield "404", none.get("/nothing")
    yield "405", none.delete("/tickets")
    yield "413", api.post("/tickets", content=b" " * (2 * 1024 * 1024 + 1), headers={"Content-Type": "application/json"})
    yield "415", api.post("/tickets", content=b"x", headers={"Content-Type": "text/plain"})
    yield "422", api.post("/tickets", json={})


def test_every_answer_has_the_headers_of_every_answer(acme, world):
    for status, answer in every_answer(acme, world):
        said = f"{status} {answer.request.method} {answer.request.url.path}: {dict(answer.headers)}"
        assert str(answer.status_code) == status, said
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", answer.headers.get("x-request-id", "")), said
        assert answer.headers.get("x-content-type-options") == "nosniff", said
        assert "vary" in answer.headers, said
        expected = "private, no-cache" if answer.request.method == "GET" else "no-store"
        assert answer.headers.get("cache-control") == expected, said


def test_every_authenticated_answer_tells_the_limit(acme, world):
    for status, answer in every_answer(acme, world):
        authenticated = "authorization" in answer.request.headers and status not in ("401", "405", "413")
        if authenticated:
            said = f"{status} {answer.request.method} {answer.request.url.path}: {dict(answer.headers)}"
            assert answer.headers.get("ratelimit-policy") == '"tenant";q=1000000;w=60', said
            assert re.fullmatch(r'"tenant";r=\d+;t=\d+', answer.headers.get("ratelimit", "")), said
            for name in ("limit", "remaining", "reset"):
                assert answer.headers.get(f"x-ratelimit-{name}", "").isdigit(), said


@pytest.mark.parametrize("own", ["a", "req_1-2.3", "A" * 128])
def test_the_clients_request_id_comes_back(api, own):
    assert api.get("/me", headers={"X-Request-Id": own}).headers["x-request-id"] == own
    refused(api.get("/nothing", headers={"X-Request-Id": own}), 404, "route_not_found")


@pytest.mark.parametrize("own", ["", "A" * 129, "a b", "a/b", "a\"b", "ä"])
def test_a_request_id_of_another_form_is_replaced(api, own):
    given = api.get("/me", headers={"X-Request-Id": own.encode()}).headers["x-request-id"]
    assert given and given.encode() != own.encode()


def test_request_ids_differ(api):
    assert len({api.get("/me").headers["x-request-id"] for _ in range(20)}) == 20


def test_an_answer_from_1_kib_is_compressed_when_the_client_can(acme):
    for _ in range(5):
        acme.ticket()
    api = acme.api
    with api.stream("GET", "/tickets", headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in answer.headers["vary"].lower()
    plain = api.get("/tickets", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert len(plain.content) >= 1024
    assert gzip.decompress(packed) == plain.content


def test_a_small_answer_is_not_compressed(api):
    answer = api.get("/nothing", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers


JSON_TYPES = {
    "application/json": 201,
    "application/json; charset=utf-8": 201,
    "application/json;charset=UTF-8": 201,
    "Application/JSON": 201,
    "application/json; charset=iso-8859-1": 415,
    "application/merge-patch+json": 415,
    "text/plain": 415,
    "application/x-www-form-urlencoded": 415,
    "application/jsonx": 415,
    "text/json": 415,
    None: 415,
}


@pytest.mark.parametrize("media", JSON_TYPES)
def test_a_body_must_be_declared_as_json(acme, api, media):
    body = json.dumps({"subject": "x", "inbox_id": acme.inbox["id"]}).encode()
    answer = api.post("/tickets", content=body, headers={} if media is None else {"Content-Type": media})
    if JSON_TYPES[media] == 415:
        refused(answer, 415, "unsupported_media_type")
    else:
        assert answer.status_code == JSON_TYPES[media], answer.text


@pytest.mark.parametrize("media", ["application/json", "application/merge-patch+json", "application/merge-patch+json; charset=utf-8"])
def test_patch_takes_merge_patch_too(acme, api, media):
    answer = api.patch(f"/tickets/{acme.ticket()['id']}", content=b'{"priority":"low"}', headers={"Content-Type": media})
    assert answer.status_code == 200, answer.text


def test_answers_are_json(api):
    for path in ("/tickets", "/me", "/nothing"):
        assert api.get(path).headers["content-type"] == "application/json"


LIMIT = 2 * 1024 * 1024


def padded(acme, size):
    body = json.dumps({"subject": "x", "inbox_id": acme.inbox["id"]}).encode()
    return body + b" " * (size - len(body))


def test_a_body_of_2_mib_is_read(acme, api):
    answer = api.post("/tickets", content=padded(acme, LIMIT), headers={"Content-Type": "application/json"})
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("size", [LIMIT + 1, 3 * LIMIT])
def test_a_larger_body_is_413_and_the_answer_arrives(server, acme, size):
    headers = [("Content-Type", "application/json")]
    for key in (acme.key["key"], None):
        answer = send(server.port, request("POST", "/api/v1/tickets", key, padded(acme, size), headers))
        assert answer.status == 413
        assert json.loads(answer.body)["error"]["code"] == "payload_too_large"


def test_a_larger_body_without_a_length_is_413(server, acme):
    head = request("POST", "/api/v1/tickets", acme.key["key"], headers=[("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")])
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = send(server.port, head + chunk * 33 + b"0\r\n\r\n")
    assert answer.status == 413
    assert json.loads(answer.body)["error"]["code"] == "payload_too_large"


def test_one_who_waits_for_100_continue_is_told_413(server, acme):
    head = [("Content-Type", "application/json"), ("Content-Length", str(LIMIT + 1)), ("Expect", "100-continue")]
    answer = send(server.port, request("POST", "/api/v1/tickets", acme.key["key"], headers=head))
    assert answer.status == 413


def test_a_header_block_over_16_kib_is_refused(server, acme):
    def ask(size):
        return send(server.port, request("GET", "/api/v1/me", acme.key["key"], headers=[("X-Pad", "a" * size)])).status

    assert ask(14 * 1024) == 200
    assert ask(17 * 1024) == 431
    assert ask(64 * 1024) == 431


def nested(depth):
    """A body of this depth: one object and arrays in it."""
    return b'{"x":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def test_json_may_be_32_deep_and_no_deeper(api):
    headers = {"Content-Type": "application/json"}
    refused(api.post("/tickets", content=nested(32), headers=headers), 422, "validation_failed")
    refused(api.post("/tickets", content=nested(33), headers=headers), 400, "malformed_json")
    refused(api.post("/tickets", content=nested(100_000), headers=headers), 400, "malformed_json")


def test_health_needs_no_key(server):
    for path in ("/healthz", "/readyz"):
        assert httpx.get(f"{server.url}{path}").status_code == 200


def test_a_slow_client_hinders_no_other(server, api):
    with socket.create_connection(("127.0.0.1", server.port)) as peer:
        peer.sendall(b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\n")
        assert api.get("/me").status_code == 200


@pytest.mark.parametrize("method,path,status", [("POST", "/nothing", 404), ("PUT", "/tickets", 405), ("POST", "/tickets", 413)])
def test_a_refused_body_leaves_the_connection_usable(server, method, path, status):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.connect()
    first = connection.sock.getsockname()
    for _ in range(5):
        for call, expected in (((method, path, b"x" * (LIMIT + 1)), status), (("GET", "/nothing", None), 404)):
            connection.request(call[0], f"/api/v1{call[1]}", call[2], {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == expected
    assert connection.sock.getsockname() == first
    connection.close()


def test_keep_alive_serves_many_requests_on_one_connection(server, acme):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Authorization": f"Bearer {acme.key['key']}"}
    connection.connect()
    first = connection.sock.getsockname()
    for path, status in (("/me", 200), ("/nothing", 404), ("/tickets?page=0", 400), ("/me", 200)):
        connection.request("GET", f"/api/v1{path}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    assert connection.sock.getsockname() == first
    connection.close()
