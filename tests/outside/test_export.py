"""An export over REST and gRPC: whole, compressed or not, continued after a kill, and one at a time."""

import gzip
import json

import grpc
import httpx
import pytest

import rpc
from product import until
from refusals import foreign_cursor
from rpc import ingest
from test_streams import listed
from world import refused
from writers import Writers

NDJSON = "application/x-ndjson"


def lines_of(text):
    """The lines of an answer; what follows the last line break is none."""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def exported(api, encoding="identity", **query):
    """A whole export: its lines and its end."""
    answer = api.get("/export", params=query, headers={"Accept-Encoding": encoding})
    assert (answer.status_code, answer.headers.get("content-type")) == (200, NDJSON), answer.text
    *lines, end = lines_of(answer.text)
    assert end["type"] == "end" and end["count"] == len(lines)
    assert all(set(line) == {"type", "data", "cursor"} for line in lines)
    return lines, end


def reply(server, tenant, ticket, count, words=10):
    """Replies of the team, each twice as long as its text, since it has HTML as well."""
    stub = ingest(server)
    for number in range(count):
        more = {"provider_id": f"{ticket} {number}", "body_text": f"{number} " + "word " * words}
        stub.record_sent_reply(tenant_id=tenant.id, ticket_id=ticket, **more)


def large(server, world, name):
    """A tenant whose export is more than sockets hold."""
    tenant = world.tenant(name)
    for _ in range(2):
        reply(server, tenant, tenant.ticket()["id"], 60, words=20_000)
    return tenant


def tables(api):
    """What the other calls show, as (type, id) to resource."""
    shown = {}
    for kind, path in (("ticket", "/tickets"), ("tag", "/tags"), ("inbox", "/inboxes"), ("agent", "/agents")):
        shown |= {(kind, one["id"]): one for one in pages(api, path)}
    for _, ticket in [key for key in shown if key[0] == "ticket"]:
        # Few at once: an answer of more than 4 MiB has its bodies cut.
        shown |= {("message", one["id"]): one for one in pages(api, f"/tickets/{ticket}/messages", 10)}
    return shown


def pages(api, path, per_page=100):
    page, more = 1, True
    while more:
        answer = api.get(path, params={"page": page, "per_page": per_page}).json()
        yield from answer["data"]
        page, more = page + 1, answer["meta"]["has_more"]


def resources(lines):
    return {(line["type"], line["data"]["id"]): line["data"] for line in lines}


@pytest.fixture(scope="module")
def desk(world, server):
    """A tenant with some of everything, and a note that nobody outside reads."""
    tenant = world.tenant("Exported")
    for number in range(5):
        ticket = tenant.ticket(subject=f"Order {number}")["id"]
        reply(server, tenant, ticket, 3)
        tenant.api.post(f"/tickets/{ticket}/tags", json={"tag_name": f"tag {number % 2}"})
        tenant.api.post(f"/tickets/{ticket}/messages", json={"type": "internal_note", "body_text": "canary"})
    return tenant


def test_an_export_is_what_the_other_calls_show(desk):
    lines, end = exported(desk.api)
    assert resources(lines) == tables(desk.api) and len(lines) == len(tables(desk.api))
    assert "canary" not in json.dumps(lines)
    assert listed(desk.api, end["events_cursor"])[0] == []
    ticket = desk.ticket(subject="Later")
    events = until("its event", lambda: listed(desk.api, end["events_cursor"])[0])
    assert [event["data"]["ticket"] for event in events] == [ticket]


def test_it_is_compressed_for_those_who_take_gzip(desk):
    with desk.api.stream("GET", "/export", headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip" and "content-length" not in answer.headers
    assert "accept-encoding" in answer.headers["vary"].lower()
    plain = desk.api.get("/export", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.headers["cache-control"] == "no-store"
    assert len(packed) < len(plain.content) / 3
    data = lambda body: [line.get("data") for line in lines_of(body.decode())]  # noqa: E731
    assert data(gzip.decompress(packed)) == data(plain.content)


def test_only_some_types_and_only_those_that_a_key_may_read(world, desk):
    lines, _ = exported(desk.api, types="tags,tickets")
    assert {line["type"] for line in lines} == {"tag", "ticket"}
    reader = world.client(desk.new_key("--scopes", "messages:read")["key"])
    assert {line["type"] for line in exported(reader)[0]} == {"message"}
    error = refused(reader.get("/export?types=messages,agents"), 403, "insufficient_scope")
    assert [(one["field"], one["allowed"]) for one in error["details"]] == [("scope", ["tickets:read"])]
    refused(world.client(desk.new_key("--scopes", "events:read")["key"]).get("/export"), 403, "insufficient_scope")
    refused(desk.api.get("/export?types=mails"), 400, "invalid_parameter")
    refused(desk.api.get("/export?limit=1"), 400, "unknown_parameter")
    refused(desk.api.post("/export", json={}), 405, "method_not_allowed")
    refused(world.client().get("/export"), 401, "missing_api_key")


def test_an_answer_is_continued_after_any_line(desk):
    lines, end = exported(desk.api)
    for at in (0, len(lines) // 2, len(lines) - 1):
        rest, last = exported(desk.api, after=lines[at]["cursor"])
        assert [line["data"] for line in rest] == [line["data"] for line in lines[at + 1 :]]
        assert last == {"type": "end", "events_cursor": end["events_cursor"], "count": len(rest)}
    refused(desk.api.get("/export", params={"after": lines[0]["cursor"], "types": "tags"}), 400, "invalid_cursor")
    refused(desk.api.get("/export", params={"after": end["events_cursor"]}), 400, "invalid_cursor")
    refused(desk.api.get("/export", params={"after": foreign_cursor()}), 410, "cursor_expired")


def test_one_runs_at_a_time_and_counts_as_one_request(world, server):
    tenant = large(server, world, "Busy")
    with tenant.api.stream("GET", "/export") as first:
        assert first.status_code == 200
        busy = tenant.api.get("/export")
        refused(busy, 409, "export_in_progress")
        assert busy.headers["retry-after"] == "5"
        stub = rpc.Stub(rpc.channel(server.port), "v1", "exports", "ExportService", tenant.key["key"])
        with pytest.raises(grpc.RpcError) as second:
            next(stub.export())
        assert second.value.code() == grpc.StatusCode.ABORTED
        assert rpc.details(second.value)["RetryInfo"].retry_delay.seconds == 5
    until("a client that goes frees the slot", lambda: tenant.api.get("/export?types=tags").status_code == 200)
    before = int(tenant.api.get("/me").headers["x-ratelimit-remaining"])
    exported(tenant.api)
    assert int(tenant.api.get("/me").headers["x-ratelimit-remaining"]) == before - 2


def test_grpc_has_the_same_lines(server, desk):
    lines, end = exported(desk.api)
    stub = rpc.Stub(rpc.channel(server.port), "v1", "exports", "ExportService", desk.key["key"])
    *messages, last = stub.export()
    types = {1: "inbox", 2: "agent", 3: "tag", 4: "ticket", 5: "message"}
    ids = [(types[message.type], getattr(message, types[message.type]).id) for message in messages]
    assert ids == [(line["type"], line["data"]["id"]) for line in lines]
    assert (last.type, last.count) == (6, len(lines))
    # Each cursor is of its own snapshot: what other tenants write moves it, and this tenant has no event after either.
    assert [listed(desk.api, cursor)[0] for cursor in (last.events_cursor, end["events_cursor"])] == [[], []]
    assert last.HasField("cursor") is False


def test_a_copy_is_whole_after_every_process_was_killed_in_the_middle(world, server):
    tenant = large(server, world, "Killed")
    got = []
    with Writers(server, tenant) as writers:
        writers.more(5)
        with pytest.raises((httpx.TransportError, EOFError)):
            with tenant.api.stream("GET", "/export", headers={"Accept-Encoding": "identity"}) as answer:
                text = ""
                for part in answer.iter_text():
                    text += part
                    while "\n" in text:
                        line, text = text.split("\n", 1)
                        got.append(json.loads(line))
                        if len(got) == 12:
                            server.kill()
                raise EOFError
        assert len(got) < 120 and "end" not in {line["type"] for line in got}, "it is not whole, and tells so"
        server.start()
        # The slot is free at once: no process holds it any more.
        rest, end = exported(tenant.api, after=got[-1]["cursor"])
        writers.more(5)
    copy = resources(got + rest)
    assert len(copy) == len(got) + len(rest), "nothing came twice"
    everything = tables(tenant.api)

    def caught_up():
        events, _ = listed(tenant.api, end["events_cursor"], limit=100)
        for event in events:
            ticket = event["data"]["ticket"]
            known = copy.get(("ticket", ticket["id"]))
            if known is None or known["version"] < ticket["version"]:
                copy["ticket", ticket["id"]] = ticket
        return copy == everything

    until("export and events are the tables", caught_up)
