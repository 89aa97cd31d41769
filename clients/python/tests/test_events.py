import json
import threading
import time

import pytest

from inboxops import InboxopsError
from inboxops._lines import LINE_MAX_BYTES, Block, Blocks, Lines
from server import page


def event(number):
    return {"event": "ticket.created", "event_id": f"e{number}", "data": {"ticket": {"ticket_number": number}}}


def block(number):
    return f"id: c{number}\nevent: ticket.created\ndata: {json.dumps(event(number))}\n\n"


def first(way, count, events):
    """The first events of a follower, as cursors and numbers."""
    found = way.take(events, count)
    return [(it.cursor, it.event["data"]["ticket"]["ticket_number"]) for it in found]


def read(*pieces):
    lines, blocks = Lines(), Blocks()
    fed = [blocks.feed(line) for piece in pieces for line in lines.feed(piece)]
    return [it for it in fed if it]


def test_blocks_are_read_however_they_are_cut():
    text = b'id: c1\nevent: a\ndata: {"x":\ndata: 1}\n\n: comment\n\nid\ndata:bare\n\nid: c3\n\ndata: cut'
    wanted = [Block("c1", '{"x":\n1}'), Block("", "bare"), Block("c3", None)]
    assert read(text) == wanted
    assert read(*(text[at : at + 1] for at in range(len(text)))) == wanted
    crlf = text.replace(b"\n", b"\r\n")
    assert read(*(crlf[at : at + 1] for at in range(len(crlf)))) == wanted


def test_only_line_feeds_end_a_line():
    lines = Lines()
    assert lines.feed("a\u2028b\x85c\x0bd\ne".encode()) == ["a\u2028b\x85c\x0bd"]
    assert lines.end() == "e"


def test_a_line_without_end_does_not_fill_the_memory():
    lines = Lines()
    lines.feed(b"x" * LINE_MAX_BYTES)
    with pytest.raises(ValueError, match="more than"):
        lines.feed(b"x")


def test_letters_of_several_bytes_that_are_cut_apart_are_whole_again(way, serve):
    def answer(asked, number, reply):
        reply.stream()
        body = {"data": {"ticket": {"subject": "Größe 🚀"}}}
        for byte in f"id: c1\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode():
            reply.write(bytes([byte]))
        reply.hold()

    client, _ = serve(answer)
    [(one, cursor)] = way.take(client.events(after="c0"), 1)
    assert (one["data"]["ticket"]["subject"], cursor) == ("Größe 🚀", "c1")


def test_a_stream_that_breaks_is_gone_on_with_where_it_was(way, serve):
    def answer(asked, number, reply):
        if number == 3:
            return reply.refuse(503, "service_unavailable", {"retry-after": "0"})
        if number == 4:
            return reply.cut()
        reply.stream()
        if number == 1:
            reply.write(f"id: c0\n\n{block(1)}{block(2)[:30]}".encode())
            time.sleep(0.1)
            reply.cut()
        elif number == 2:
            reply.write(block(2).encode())
        else:
            reply.write(f": still here\n\n{block(3)}".encode())
            reply.hold()

    client, asked = serve(answer)
    found = first(way, 3, client.events(after="start", types=["ticket.*", "message.sent"]))
    assert found == [("c1", 1), ("c2", 2), ("c3", 3)]
    assert [it.headers["last-event-id"] for it in asked] == ["start", "c1", "c2", "c2", "c2"]
    assert asked[0].url == "/api/v1/events?types=ticket.%2A%2Cmessage.sent"
    assert asked[0].is_stream


def test_a_place_without_an_event_moves_the_reader_on(way, serve):
    def answer(asked, number, reply):
        reply.stream("id: c9\n\n" if number == 1 else block(10))

    client, asked = serve(answer)
    assert first(way, 1, client.events(after="c0")) == [("c10", 10)]
    assert asked[1].headers["last-event-id"] == "c9"


def test_a_comment_that_tells_the_place_moves_the_reader_on(way, serve):
    def answer(asked, number, reply):
        reply.stream(": e1-2f4-1d8\n\n: alive\n\n: a word\n\n" if number == 1 else block(10))

    client, asked = serve(answer)
    assert first(way, 1, client.events(after="c0")) == [("c10", 10)]
    assert asked[1].headers["last-event-id"] == "e1-2f4-1d8"


def test_without_a_cursor_it_begins_with_what_happens_from_now_on(way, serve):
    def answer(asked, number, reply):
        if asked.is_stream:
            reply.stream(block(1)).hold()
        else:
            reply.json(200, page([], next_cursor="newest"))

    client, asked = serve(answer)
    first(way, 1, client.events())
    assert asked[0].url == "/api/v1/events?after=latest"
    assert asked[1].headers["last-event-id"] == "newest"


def test_a_loop_that_is_left_ends_the_connection(way, serve):
    client, asked = serve(lambda asked, number, reply: reply.stream(block(1)).hold())
    first(way, 1, client.events(after="c0"))
    assert asked[0].is_closed.wait(10)
    assert len(asked) == 1


def test_stop_ends_the_loop_without_an_error_at_once_in_a_stream_and_in_a_pause(way, serve):
    stop = threading.Event()

    def answer(asked, number, reply):
        if number > 1:
            return reply.refuse(503, "later", {"retry-after": "60"})
        reply.stream(block(1))
        time.sleep(0.1)
        stop.set()
        reply.write(b": alive\n\n")
        reply.hold()

    client, asked = serve(answer)
    assert first(way, 1, client.events(after="c0", stop=lambda: True)) == []
    assert asked == []
    assert first(way, 2, client.events(after="c0", stop=stop.is_set)) == [("c1", 1)]
    begun = time.monotonic()
    asks = iter([False, True])
    assert first(way, 2, client.events(after="c0", stop=lambda: next(asks, True))) == []
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("status", "code"), [(410, "cursor_expired"), (400, "invalid_cursor"), (401, "revoked_api_key")]
)
def test_a_final_failure_ends_it_at_the_beginning_and_later(way, serve, status, code):
    def answer(asked, number, reply):
        reply.stream(block(1)) if number == 2 else reply.refuse(status, code)

    client, _ = serve(answer)
    for count in (1, 2):
        with pytest.raises(InboxopsError) as caught:
            first(way, count, client.events(after="c0"))
        assert caught.value.code == code


def test_a_server_that_is_away_at_the_beginning_fails_and_one_that_goes_away_later_is_waited_for(way, serve):
    def answer(asked, number, reply):
        if number in (3, 7):
            reply.stream(block(1 if number == 3 else 2))
        else:
            reply.refuse(503, "later", {"retry-after": "0"})

    client, asked = serve(answer, max_retries=1)
    with pytest.raises(InboxopsError):
        first(way, 1, client.events(after="c0"))
    assert len(asked) == 2
    assert first(way, 2, client.events(after="c0")) == [("c1", 1), ("c2", 2)]


def polled(asked, number, reply):
    """Three events in pages of two, then one that came later."""
    late = number >= 5
    pages = {
        "c0": page([event(1), event(2)], has_more=True, next_cursor="c2"),
        "c2": page([event(3)], next_cursor="c3"),
        "c3": page([event(4)] if late else [], next_cursor="c4" if late else "c3"),
    }
    reply.json(200, pages[asked.query["after"]])


def test_a_poll_pages_through_what_there_is_and_asks_again(way, serve):
    client, asked = serve(polled)
    events = client.events(after="c0", transport="poll", poll_secs=0.01, types=["ticket.*"])
    # Before the last event of a page only its beginning is a place to go on from.
    assert first(way, 4, events) == [("c0", 1), ("c2", 2), ("c3", 3), ("c4", 4)]
    assert asked[0].url == "/api/v1/events?after=c0&types=ticket.%2A&limit=100"
    assert len(asked) == 5


def test_auto_polls_when_no_stream_gets_through(way, serve):
    def answer(asked, number, reply):
        reply.stream() if asked.is_stream else polled(asked, number, reply)

    client, asked = serve(answer)
    events = client.events(after="c0", transport="auto", poll_secs=0.01)
    assert first(way, 3, events) == [("c0", 1), ("c2", 2), ("c3", 3)]
    assert sum(it.is_stream for it in asked) == 3


def test_an_answer_that_is_no_stream_makes_auto_poll_and_a_follower_of_streams_fail(way, serve):
    def answer(asked, number, reply):
        reply.json(200, page([])) if asked.is_stream else polled(asked, number, reply)

    client, _ = serve(answer)
    assert first(way, 1, client.events(after="c0", transport="auto")) == [("c0", 1)]
    with pytest.raises(InboxopsError) as caught:
        first(way, 1, client.events(after="c0"))
    assert caught.value.code == "unexpected_answer"


def test_a_stream_that_is_silent_for_too_long_is_opened_again(way, serve, monkeypatch):
    for kind in ("_sync", "_async"):
        monkeypatch.setattr(f"inboxops.{kind}.events.IDLE_MAX_SECS", 0.1)

    def answer(asked, number, reply):
        reply.stream("" if number == 1 else block(1)).hold()

    client, asked = serve(answer)
    assert first(way, 1, client.events(after="c0")) == [("c1", 1)]
    assert len(asked) == 2
