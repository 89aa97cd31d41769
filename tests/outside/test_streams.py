"""Events as a stream over REST, and deliveries as a stream over gRPC: prompt, complete, and without a gap after a kill."""

import json
import threading
import time

import grpc
import httpx
import pytest

import rpc
from product import Process, until
from world import refused


class Events:
    """Server-sent events, read by hand: what a client library sees, byte for byte."""

    def __init__(self, server, key, last=None, query="", **headers):
        self.last = last
        headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"} | headers
        if last:
            headers["Last-Event-ID"] = last
        self.client = httpx.Client(timeout=httpx.Timeout(30))
        request = self.client.build_request("GET", f"{server.url}/api/v1/events{query}", headers=headers)
        self.answer = self.client.send(request, stream=True)
        assert self.answer.status_code == 200, self.answer.read()
        self.lines = self.answer.iter_lines()
        assert next(self.lines).startswith(": "), "a comment says that the stream is live"

    def block(self):
        """The fields of the next block; comments are left out."""
        fields = {}
        for line in self.lines:
            if not line:
                if fields:
                    self.last = fields.get("id", self.last)
                    return fields
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
        raise EOFError

    def event(self):
        while True:
            block = self.block()
            if "data" in block:
                return block

    def close(self):
        self.answer.close()
        self.client.close()


def listed(api, after=None, **more):
    """All events behind a place, page by page."""
    events = []
    while True:
        query = {"limit": 3} | ({"after": after} if after else {}) | more
        answer = api.get("/events", params=query)
        assert answer.status_code == 200, answer.text
        meta = answer.json()["meta"]
        assert set(meta) == {"has_more", "next_cursor"}
        events += answer.json()["data"]
        after = meta["next_cursor"]
        if not meta["has_more"]:
            return events, after


def subject(block):
    return json.loads(block["data"])["data"]["ticket"]["subject"]


def test_events_are_the_bodies_that_webhooks_post(world, server, receiver):
    tenant = world.tenant("Bodies")
    _, start = listed(tenant.api)
    url = receiver.path()
    tenant.endpoint(url, ["*"])
    stream = Events(server, tenant.key["key"], **{"Accept-Encoding": "gzip"})
    assert stream.answer.headers["content-type"] == "text/event-stream"
    assert "content-encoding" not in stream.answer.headers
    assert stream.answer.headers["cache-control"] == "no-store"
    assert stream.answer.headers["x-request-id"] and stream.answer.headers["ratelimit"]
    began = time.monotonic()
    ticket = tenant.ticket(subject="Where is my order?")
    first = stream.event()
    assert time.monotonic() - began < 1
    assert first["event"] == "ticket.created"
    tenant.api.patch(f"/tickets/{ticket['id']}", json={"status": "closed"})
    blocks = [first] + [stream.event() for _ in range(3)]
    assert [block["event"] for block in blocks][1:] == ["ticket.updated", "ticket.status_changed", "ticket.closed"]
    bodies = {hit.header("webhook-id"): hit.body for hit in receiver.wait(url, 4)}
    for block in blocks:
        body = block["data"].encode()
        assert bodies[json.loads(body)["event_id"]] == body, "the same bytes"
    events, end = until("all are listed", lambda: len(listed(tenant.api, start)[0]) == 4 and listed(tenant.api, start))
    assert events == [json.loads(block["data"]) for block in blocks]
    assert listed(tenant.api, end)[0] == []
    closed, _ = listed(tenant.api, start, types="ticket.closed,message.*")
    assert [event["event"] for event in closed] == ["ticket.closed"]
    stream.close()


def test_what_a_stream_refuses(world, server, api):
    ask = lambda api, query="", **headers: api.get(f"/events{query}", headers={"Accept": "text/event-stream"} | headers)
    refused(ask(world.client()), 401, "missing_api_key")
    refused(ask(api, "?limit=3"), 400, "unknown_parameter")
    refused(ask(api, "?types=ticket.lost"), 400, "invalid_parameter")
    refused(ask(api, **{"Last-Event-ID": "nonsense"}), 400, "invalid_cursor")
    refused(api.get("/events?limit=101"), 400, "invalid_parameter")
    refused(api.get("/events?after=e1-0-0-0"), 410, "cursor_expired")
    refused(api.post("/events", json={}), 405, "method_not_allowed")


def test_a_scope_lets_to_events(world, acme):
    reader = world.client(acme.new_key("--scopes", "tickets:read")["key"])
    refused(reader.get("/events"), 403, "insufficient_scope")
    reader = world.client(acme.new_key("--scopes", "events:read")["key"])
    assert reader.get("/events").status_code == 200


def watch(server, tenant, rows, stop, cursor=None):
    """Follows deliveries until told to stop; rows are merged as a client does it."""
    stub = rpc.Stub(rpc.channel(server.port), "v1", "deliveries", "DeliveryService", tenant.key["key"])
    call = stub.watch_deliveries(**({"cursor": cursor} if cursor else {}))
    stop.append(call.cancel)
    first = next(call)
    assert first.signal == 1

    def read():
        try:
            for message in call:
                for row in message.deliveries:
                    known = rows.get(row.id)
                    if known is None or row.revision >= known.revision:
                        rows[row.id] = row
        except grpc.RpcError:
            pass

    threading.Thread(target=read, daemon=True).start()
    return first.cursor


def test_deliveries_are_seen_live_over_grpc(world, server, receiver):
    tenant = world.tenant("Live")
    url = receiver.path()
    endpoint = tenant.endpoint(url, ["ticket.created"])
    rows, stop = {}, []
    cursor = watch(server, tenant, rows, stop)
    for number in range(20):
        tenant.ticket(subject=f"Order {number}")
    done = lambda rows: sum(row.status == 3 for row in rows.values()) == 20
    until("each is seen as delivered within a second", lambda: done(rows), 3)
    again = {}
    watch(server, tenant, again, stop, cursor)
    until("a reader that comes again sees all of it", lambda: done(again), 3)
    stub = rpc.Stub(rpc.channel(server.port), "v1", "deliveries", "DeliveryService", tenant.key["key"])
    shown = stub.list_deliveries(endpoint_id=endpoint["id"], per_page=100).deliveries
    # The last that a stream said of each is what the list says: by its revision, which only grows, and in every member.
    assert {row.id: row.revision for row in shown} == {row.id: row.revision for row in rows.values()}
    assert {row.id: row for row in shown} == rows == again
    listed = tenant.api.get(f"/webhooks/{endpoint['id']}/deliveries?per_page=100").json()["data"]
    assert {row["id"]: row["attempt_count"] for row in listed} == {row.id: row.attempt_count for row in shown}
    assert not any("revision" in row for row in listed), "REST does not show it"
    for cancel in stop:
        cancel()


def test_listen_posts_what_the_official_library_verifies(world, server, receiver):
    tenant = world.tenant("Listens")
    url = receiver.path()
    words = ["listen", "--server", server.url, "--forward-to", url, "--events", "ticket.*", "--json"]
    process = Process(words, {"INBOXOPS_API_KEY": tenant.key["key"]})
    secret = until("it says its secret", lambda: process.runs() and process.lines and json.loads(process.lines[0]))["secret"]

    def first():
        tenant.ticket(subject="Anybody there?")
        return receiver.at(url)

    until("it follows", first)
    before = len(receiver.at(url))
    ticket = tenant.ticket(subject="Forwarded")
    tenant.api.patch(f"/tickets/{ticket['id']}", json={"subject": "Forwarded again"})
    until("both come", lambda: sum(ticket["id"] in hit.body.decode() for hit in receiver.at(url)) == 2)
    for hit in receiver.at(url)[before:]:
        hit.verify(secret)
    assert process.stop() == 0


def test_a_stream_goes_on_without_a_gap_after_every_process_was_killed(world, server):
    tenant = world.tenant("Killed")
    stream = Events(server, tenant.key["key"], query="?types=ticket.created")
    seen, made = [], []

    def open_tickets(count):
        for _ in range(count):
            made.append(f"Order {len(made)}")
            tenant.ticket(subject=made[-1])

    for _ in range(3):
        open_tickets(5)
        seen += [subject(stream.event()) for _ in range(2)]
        server.kill()
        with pytest.raises((EOFError, httpx.TransportError)):
            while True:
                seen.append(subject(stream.event()))
        stream.close()
        server.start()
        open_tickets(3)
        stream = Events(server, tenant.key["key"], stream.last, "?types=ticket.created")
    while len(seen) < len(made):
        seen.append(subject(stream.event()))
    assert seen == made, "each once, in order"
    stream.close()
