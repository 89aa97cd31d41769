import gzip
import json
import threading
import time

import pytest

import inboxops
from inboxops import InboxopsError, MemoryStore
from server import page, ticket
from sqlite_mirror import SqliteStore


def line(type, resource, cursor):
    return json.dumps({"type": type, "data": resource, "cursor": cursor}) + "\n"


def end(cursor, count=0):
    return json.dumps({"type": "end", "events_cursor": cursor, "count": count}) + "\n"


def happened(kind, **members):
    return {"event": kind, "event_id": "e", "data": {"actor": {}, "group": "g", **members}}


def message(id, **more):
    created = "2026-11-24T12:00:00.000000Z"
    return {"id": id, "ticket_id": "t1", "created_at": created, "body_text": "Hello", "truncated": False, **more}


def whole(*texts):
    return lambda reply: reply.stream("".join(texts), "application/x-ndjson")


def broken(*texts):
    def answer(reply):
        reply.stream("".join(texts), "application/x-ndjson")
        time.sleep(0.1)
        reply.cut()

    return answer


def world(parts, events=(), others=()):
    """A server with an export and a list of events; `parts` answer an export one after the other."""
    waiting = iter(parts)

    def answer(asked, number, reply):
        if asked.path == "/export":
            return next(waiting)(reply)
        if asked.path == "/events":
            after = asked.query["after"]
            found = dict(events).get(after, page([], next_cursor=after))
            return found(reply) if callable(found) else reply.json(200, found)
        other = dict(others).get(asked.path)
        return other(reply) if other else reply.json(200, page([]))

    return answer


def paths(asked):
    return [it.path for it in asked]


def ids(store, type="ticket"):
    return [it["id"] for it in store.all(type)]


def versions(store):
    return [(it["id"], it["version"]) for it in store.all("ticket")]


def lines_of(way, lines):
    return [(it["events_cursor"], it["count"]) if it["type"] == "end" else it["data"]["id"] for it in way.take(lines)]


def test_an_export_that_breaks_is_gone_on_with_from_its_last_whole_line(way, serve):
    parts = [
        broken(line("ticket", ticket(1), "l1"), line("ticket", ticket(2), "l2"), line("ticket", ticket(3), "l3")[:20]),
        lambda reply: reply.refuse(409, "export_in_progress", {"retry-after": "0"}),
        lambda reply: reply.refuse(503, "later"),
        whole(line("ticket", ticket(3), "l3")),
        whole(line("message", message("m1"), "l4"), end("e9", 1)),
    ]
    client, asked = serve(world(parts))
    assert lines_of(way, client.export(types=["tickets", "messages"])) == ["t1", "t2", "t3", "m1", ("e9", 1)]
    assert [it.query.get("after") for it in asked] == [None, "l2", "l2", "l2", "l3"]
    assert asked[0].query["types"] == "tickets,messages"


def test_an_end_without_a_line_break_behind_it_is_an_end(way, serve):
    client, _ = serve(world([whole(end("e1").strip())]))
    assert lines_of(way, client.export()) == [("e1", 0)]


def test_an_export_may_be_compressed(way, serve):
    def answer(asked, number, reply):
        body = gzip.compress((line("ticket", ticket(1), "l1") + end("e1", 1)).encode())
        assert "gzip" in asked.headers["accept-encoding"]
        reply._head(200, {"content-encoding": "gzip", "content-length": str(len(body))})
        reply.write(body)

    client, _ = serve(answer)
    assert lines_of(way, client.export()) == ["t1", ("e1", 1)]


def test_an_export_that_never_says_anything_fails(way, serve):
    client, asked = serve(world([whole()] * 9), max_retries=2)
    with pytest.raises(InboxopsError) as caught:
        lines_of(way, client.export())
    assert (caught.value.code, len(asked)) == ("export_incomplete", 3)


def test_a_mirror_has_the_export_and_what_events_say_since(way, serve):
    parts = [
        broken(line("inbox", {"id": "i1", "updated_at": "2026"}, "l0"), line("ticket", ticket(1), "l1")),
        whole(line("ticket", ticket(2, 5), "l2"), end("e0")),
    ]
    events = {
        "e0": page(
            [
                happened("ticket.updated", ticket=ticket(1, 2)),
                happened("ticket.updated", ticket=ticket(2, 4)),
                happened("ticket.updated", ticket=ticket(1, 2, subject="the same version again")),
            ],
            has_more=True,
            next_cursor="e3",
        ),
        "e3": page(
            [
                happened("ticket.created", ticket=ticket(3)),
                happened("message.received", ticket=ticket(3, 2), message=message("m1")),
            ],
            next_cursor="e5",
        ),
    }
    client, asked = serve(world(parts, events))
    store, changes = MemoryStore(), []
    way.do(client.mirror(store, once=True, on_change=lambda type, it: changes.append((type, it["id"]))))
    assert versions(store) == [("t1", 2), ("t2", 5), ("t3", 2)]
    assert store.get("ticket", "t1").resource["subject"] == "Order 1"
    assert ids(store, "message") == ["m1"]
    assert changes == [
        ("inbox", "i1"), ("ticket", "t1"), ("ticket", "t2"), ("ticket", "t1"), ("ticket", "t3"), ("ticket", "t3"),
        ("message", "m1"),
    ]  # fmt: skip
    assert store.load() == {"round": 1, "types": None, "export_cursor": None, "events_cursor": "e5"}
    types = next(it for it in asked if it.path == "/events").query["types"]
    assert types == "ticket.created,ticket.updated,message.*,inbox.error"
    # Once more: no export, and nothing new.
    before = len(asked)
    way.do(client.mirror(store, once=True, on_change=lambda *it: pytest.fail("nothing is new")))
    assert paths(asked[before:]) == ["/events"]


def test_a_mirror_of_nothing_new_keeps_the_place_to_which_it_looked(way, serve):
    client, _ = serve(world([whole(end("e0"))], {"e0": page([], next_cursor="e7")}))
    store = MemoryStore()
    way.do(client.mirror(store, once=True))
    assert store.load()["events_cursor"] == "e7"


def test_a_mirror_that_ended_within_its_export_goes_on_in_another_process(way, serve):
    stop = threading.Event()

    def held(reply):
        reply.stream(line("ticket", ticket(1), "l1") + line("ticket", ticket(2), "l2"), "application/x-ndjson")
        time.sleep(0.1)
        stop.set()
        reply.write(line("ticket", ticket(9), "l9").encode())
        reply.hold()

    client, asked = serve(world([held, whole(line("ticket", ticket(3), "l3"), end("e0"))]))
    store = MemoryStore()
    way.do(client.mirror(store, stop=stop.is_set))
    assert store.load()["export_cursor"] == "l2"
    way.do(client.mirror(store, once=True))
    assert asked[1].query["after"] == "l2"
    assert ids(store) == ["t1", "t2", "t3"]


def test_a_state_is_never_saved_before_what_it_tells_of(way, serve):
    calls = []

    class Store(MemoryStore):
        def put(self, type, resource, round):
            calls.append(f"put {resource['id']}")
            super().put(type, resource, round)

        def save(self, state):
            calls.append(f"save {state['export_cursor']} {state['events_cursor']}")
            super().save(state)

        def remove_before(self, round):
            calls.append(f"remove {round}")

    events = {"e0": page([happened("ticket.created", ticket=ticket(2))], next_cursor="e1")}
    client, _ = serve(world([whole(line("ticket", ticket(1), "l1"), end("e0"))], events))
    way.do(client.mirror(Store(), once=True))
    assert calls[:5] == ["put t1", "remove 1", "save None e0", "put t2", "save None e1"]
    assert set(calls[5:]) <= {"save None e1"}


def test_a_long_export_is_saved_now_and_then(way, serve, monkeypatch):
    for kind in ("_sync", "_async"):
        monkeypatch.setattr(f"inboxops.{kind}.mirror.LINES_UNSAVED_MAX", 2)
    saved = []

    class Store(MemoryStore):
        def save(self, state):
            saved.append(state["export_cursor"])
            super().save(state)

    texts = [line("ticket", ticket(number), f"l{number}") for number in range(1, 6)]
    client, _ = serve(world([whole(*texts, end("e0"))]))
    way.do(client.mirror(Store(), once=True))
    assert saved[:3] == ["l2", "l4", None]


def test_a_store_that_fails_ends_the_mirror_which_goes_on_from_what_was_saved(way, serve):
    parts = [
        whole(line("ticket", ticket(1), "l1"), line("ticket", ticket(2), "l2"), end("e0")),
        whole(line("ticket", ticket(2), "l2"), end("e0")),
    ]
    client, asked = serve(world(parts))

    class Full(MemoryStore):
        is_emptied = False

        def put(self, type, resource, round):
            if resource["id"] == "t2" and not self.is_emptied:
                raise OSError("The disk is full.")
            super().put(type, resource, round)

    store = Full()
    with pytest.raises(OSError, match="disk is full"):
        way.do(client.mirror(store, once=True))
    assert store.load()["export_cursor"] == "l1"
    store.is_emptied = True
    way.do(client.mirror(store, once=True))
    assert asked[1].query["after"] == "l1"
    assert ids(store) == ["t1", "t2"]


def test_cursors_of_another_history_begin_a_new_round_and_what_is_gone_goes(way, serve):
    parts = [
        whole(line("ticket", ticket(1, 9), "l1"), line("ticket", ticket(2), "l2"), end("e0")),
        # The server was restored from a backup: it knows an older state of one, and nothing of the other.
        whole(line("ticket", ticket(1, 3), "m1"), end("f0")),
    ]
    events = {
        "e0": page([happened("ticket.updated", ticket=ticket(2, 2))], next_cursor="e1"),
        "e1": lambda reply: reply.refuse(410, "cursor_expired"),
    }
    client, _ = serve(world(parts, events))
    store = MemoryStore()
    way.do(client.mirror(store, once=True))
    assert versions(store) == [("t1", 9), ("t2", 2)]
    way.do(client.mirror(store, once=True))
    assert versions(store) == [("t1", 3)]
    assert store.load() == {"round": 2, "types": None, "export_cursor": None, "events_cursor": "f0"}


def test_a_server_that_calls_new_cursors_too_old_does_not_make_a_mirror_export_for_ever(way, serve):
    client, asked = serve(world([whole(end("e0"))] * 3, {"e0": lambda reply: reply.refuse(410, "cursor_expired")}))
    with pytest.raises(InboxopsError) as caught:
        way.do(client.mirror(MemoryStore(), once=True))
    assert caught.value.code == "cursor_expired"
    assert paths(asked) == ["/export", "/events"]


def test_another_choice_of_types_begins_again(way, serve):
    parts = [whole(line("ticket", ticket(1), "l1"), end("e0")), whole(line("tag", {"id": "g1"}, "l1"), end("e1"))]
    client, asked = serve(world(parts))
    store = MemoryStore()
    way.do(client.mirror(store, once=True, types=["tickets", "tags"]))
    way.do(client.mirror(store, once=True, types=["tags", "tickets"]))
    assert paths(asked).count("/export") == 1
    way.do(client.mirror(store, once=True, types=["tags"]))
    assert (ids(store), ids(store, "tag")) == ([], ["g1"])


def test_what_events_name_and_the_export_did_not_have_is_looked_up_once(way, serve):
    named = {"tags": [{"id": "g1"}], "assignee_id": "a-gone"}
    events = [happened("ticket.updated", ticket=ticket(1, version, **named)) for version in (1, 2, 3)]
    others = {"/tags": lambda reply: reply.json(200, page([{"id": "g1", "name": "vip"}]))}
    client, asked = serve(world([whole(end("e0"))], {"e0": page(events, next_cursor="e1")}, others))
    store = MemoryStore()
    way.do(client.mirror(store, once=True))
    assert store.all("tag") == [{"id": "g1", "name": "vip"}]
    assert sorted(paths(asked)) == ["/agents", "/events", "/export", "/inboxes", "/tags"]


def cut(id):
    return happened("message.received", ticket=ticket(1), message=message(id, truncated=True))


def test_a_message_that_its_event_cut_is_read_whole_when_it_is_listed_and_stays_whole(way, serve, monkeypatch):
    for kind in ("_sync", "_async"):
        monkeypatch.setattr(f"inboxops.{kind}.mirror.LOOK_SECS", 0)
    looks = []

    def messages(reply):
        looks.append(reply)
        reply.json(200, page([] if len(looks) == 1 else [message("m0"), message("m2")]))

    events = {"e0": page([cut("m1"), cut("m2"), cut("m2")], next_cursor="e1")}
    parts = [whole(line("message", message("m1"), "l1"), end("e0"))]
    client, asked = serve(world(parts, events, {"/messages": messages}))
    store = MemoryStore()
    way.do(client.mirror(store, once=True))
    assert [(it["id"], it["truncated"]) for it in store.all("message")] == [("m1", False), ("m2", False)]
    assert len(looks) == 2, "one that is kept whole is not looked for"
    query = next(it for it in asked if it.path == "/messages").query
    assert query == {"ticket_id": "t1", "created_since": message("m")["created_at"]}


def test_what_the_key_may_not_list_is_left_as_events_have_it(way, serve):
    denied = {path: lambda reply: reply.refuse(403, "insufficient_scope") for path in ("/messages", "/inboxes")}
    client, asked = serve(world([whole(end("e0"))], {"e0": page([cut("m1"), cut("m2")], next_cursor="e1")}, denied))
    store = MemoryStore()
    way.do(client.mirror(store, once=True))
    assert [(it["id"], it["truncated"]) for it in store.all("message")] == [("m1", True), ("m2", True)]
    assert sorted(paths(asked)) == ["/events", "/export", "/inboxes", "/messages"]


def test_a_mirror_follows_until_it_is_stopped(way, serve):
    def answer(asked, number, reply):
        if asked.path == "/export":
            return whole(line("inbox", {"id": "i1"}, "l0"), end("e0"))(reply)
        start = int(asked.headers["last-event-id"][1:])
        for number in (start + 1, start + 2):
            body = json.dumps(happened("ticket.created", ticket=ticket(number)))
            text = f"id: e{number}\ndata: {body}\n\n"
            reply.stream(text) if number == start + 1 else reply.write(text.encode())
        return None

    client, asked = serve(answer)
    store, stop, exported = MemoryStore(), threading.Event(), []

    def changed(type, resource):
        if resource["id"] == "t5":
            stop.set()

    way.do(
        client.mirror(
            store, types=["tickets"], stop=stop.is_set, on_exported=lambda: exported.append(1), on_change=changed
        )
    )
    assert exported == [1]
    assert ids(store) == ["t1", "t2", "t3", "t4", "t5"]
    assert store.load()["events_cursor"] == "e5"
    assert len(asked) >= 4


def test_a_store_may_wait_itself(serve, way):
    if way.kind is not inboxops.AsyncInboxops:
        pytest.skip("only a client of asyncio can wait")
    inner = MemoryStore()

    class Slow:
        async def load(self):
            return inner.load()

        async def save(self, state):
            inner.save(state)

        async def get(self, type, id):
            return inner.get(type, id)

        async def put(self, type, resource, round):
            inner.put(type, resource, round)

        async def remove_before(self, round):
            inner.remove_before(round)

    events = {"e0": page([happened("ticket.updated", ticket=ticket(1, 2))], next_cursor="e1")}
    client, _ = serve(world([whole(line("ticket", ticket(1), "l1"), end("e0"))], events))
    way.do(client.mirror(Slow(), once=True))
    assert versions(inner) == [("t1", 2)]
    assert inner.load()["events_cursor"] == "e1"


def test_the_store_of_the_example_keeps_what_was_saved_and_drops_what_was_not(tmp_path):
    state = {"round": 2, "types": None, "export_cursor": None, "events_cursor": "e1"}
    store = SqliteStore(tmp_path / "mirror.db")
    assert store.load() is None
    store.put("ticket", ticket(1), 1)
    store.put("ticket", ticket(2), 2)
    store.put("tag", ticket(1), 2)
    store.remove_before(2)
    store.save(state)
    store.put("ticket", ticket(2, 9), 2)
    store.put("ticket", ticket(3), 2)
    assert store.get("ticket", "t2").resource["version"] == 9
    store.close()
    store = SqliteStore(tmp_path / "mirror.db")
    assert store.load() == state
    assert store.get("ticket", "t1") is None and store.get("ticket", "t3") is None
    assert store.get("ticket", "t2") == (ticket(2), 2)
    assert store.get("tag", "t1") == (ticket(1), 2)
    store.close()


def test_a_mirror_into_the_store_of_the_example(way, serve, tmp_path):
    events = {"e0": page([happened("ticket.updated", ticket=ticket(1, 2))], next_cursor="e1")}
    client, _ = serve(world([whole(line("ticket", ticket(1), "l1"), end("e0"))], events))
    store = SqliteStore(tmp_path / "mirror.db")
    way.do(client.mirror(store, once=True))
    store.close()
    store = SqliteStore(tmp_path / "mirror.db")
    assert store.get("ticket", "t1").resource == ticket(1, 2)
    assert store.load()["events_cursor"] == "e1"
    store.close()
