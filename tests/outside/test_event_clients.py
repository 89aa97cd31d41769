"""The stream of events as libraries read it, and who gets the stream and who the list."""

import http.client
import json
from urllib.parse import urlsplit

import httpx
import httpx_sse
import pytest
import sseclient

from product import until

ACCEPT = {
    # What generated clients in PHP send for an operation that answers both.
    "application/json,text/event-stream;q=0.9": "application/json",
    "application/json, text/event-stream": "application/json",
    "application/json;q=0.9, text/event-stream;q=0.5": "application/json",
    "text/event-stream;q=0, application/json": "application/json",
    "text/event-stream;q=0": "application/json",
    "*/*": "application/json",
    "*/*, text/event-stream": "application/json",
    "text/event-stream": "text/event-stream",
    "text/event-stream, application/json;q=0.5": "text/event-stream",
    "text/event-stream, */*;q=0.1": "text/event-stream",
}


@pytest.mark.parametrize("accept", ACCEPT)
def test_the_list_or_the_stream_is_what_a_client_prefers(server, acme, accept):
    at = urlsplit(server.url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=10)
    headers = {"Authorization": f"Bearer {acme.key['key']}", "Accept": accept}
    connection.request("GET", "/api/v1/events", headers=headers)
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("content-type")) == (200, ACCEPT[accept])
    assert "accept" in answer.getheader("vary", "").lower().replace(" ", "").split(",")
    connection.close()


def by_httpx_sse(url, headers):
    with httpx.Client(timeout=20) as client, httpx_sse.connect_sse(client, "GET", url, headers=dict(headers)) as source:
        assert source.response.status_code == 200
        yield
        yield from source.iter_sse()


def by_sseclient(url, headers):
    headers = headers | {"Accept": "text/event-stream"}
    with httpx.Client(timeout=20) as client, client.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200
        yield
        yield from sseclient.SSEClient(answer.iter_bytes()).events()


@pytest.mark.parametrize("library", [by_httpx_sse, by_sseclient])
def test_libraries_get_events_and_nothing_else(world, server, library):
    tenant = world.tenant("Libraries")
    tenant.ticket(subject="Before")
    # On PostgreSQL an event is listed once no older transaction runs.
    until("the first is listed", lambda: tenant.api.get("/events").json()["data"])
    headers = {"Authorization": f"Bearer {tenant.key['key']}"}
    begin = tenant.api.get("/events?after=latest").json()
    assert (begin["data"], begin["meta"]["has_more"]) == ([], False)
    tenant.ticket(subject="One")
    url = f"{server.url}/api/v1/events?after={begin['meta']['next_cursor']}"
    source = library(url, headers)
    next(source)
    tenant.ticket(subject="Two")
    told = [next(source) for _ in range(2)]
    source.close()
    assert [event.event for event in told] == ["ticket.created"] * 2
    assert [json.loads(event.data)["data"]["ticket"]["subject"] for event in told] == ["One", "Two"]
    # Each has an id to go on from.
    again = library(url, headers | {"Last-Event-ID": told[0].id})
    next(again)
    assert next(again).id == told[1].id
    again.close()


def test_every_block_of_a_stream_is_a_comment_or_a_whole_event(world, server):
    tenant = world.tenant("Blocks")
    headers = {"Authorization": f"Bearer {tenant.key['key']}", "Accept": "text/event-stream"}
    with httpx.Client(timeout=20) as client, client.stream("GET", f"{server.url}/api/v1/events", headers=headers) as answer:
        blocks, block = [], []
        for line in answer.iter_lines():
            if line:
                block.append(line)
                continue
            blocks.append(block)
            block = []
            if len(blocks) == 1:
                tenant.ticket(subject="One")
            elif len(blocks) == 2:
                break
    [comment], event = blocks
    assert comment.startswith(": ")
    assert [line.split(": ")[0] for line in event] == ["id", "event", "data"]
    # The comment has the place at which the stream began.
    after = tenant.api.get("/events", params={"after": comment.removeprefix(": ")}).json()["data"]
    assert [one["data"]["ticket"]["subject"] for one in after] == ["One"]
