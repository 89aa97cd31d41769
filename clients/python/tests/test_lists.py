import pytest

from inboxops import InboxopsError
from server import page


def rows(first, last):
    return [{"id": f"t{number}", "ticket_number": number} for number in range(first, last + 1)]


def numbers(items):
    return [it["ticket_number"] for it in items]


def seven(asked, number, reply):
    """Seven tickets, three a page, by page and by cursor."""
    query = asked.query
    start = int(query["cursor"][1:]) if "cursor" in query else 3 * (int(query.get("page", 1)) - 1)
    more = start + 3 < 7
    meta = {
        "page": None if "cursor" in query else start // 3 + 1,
        "total": 7,
        "has_more": more,
        "next_cursor": f"c{start + 3}" if more else None,
    }
    reply.json(200, page(rows(start + 1, min(7, start + 3)), **meta))


def queries(asked):
    return [it.url.partition("?")[2] for it in asked]


def test_a_list_goes_on_by_cursor_with_its_filters(way, serve):
    client, asked = serve(seven)
    found = way.take(client.tickets.list(status=["open", "pending"], q="a b&c", per_page=3))
    assert numbers(found) == [1, 2, 3, 4, 5, 6, 7]
    common = "status=open%2Cpending&q=a%20b%26c&per_page=3"
    assert queries(asked) == [common, f"{common}&cursor=c3", f"{common}&cursor=c6"]


def test_a_list_that_was_asked_for_by_page_goes_on_by_page(way, serve):
    client, asked = serve(seven)
    assert numbers(way.do(client.tickets.list(page=2).all())) == [4, 5, 6, 7]
    assert queries(asked) == ["page=2", "page=3"]


def test_a_list_goes_on_from_a_cursor(way, serve):
    client, _ = serve(seven)
    assert numbers(way.do(client.tickets.list(cursor="c3").all())) == [4, 5, 6, 7]


def test_a_list_without_cursors_goes_on_by_page(way, serve):
    def answer(asked, number, reply):
        reply.json(200, {"data": rows(number, number), "meta": {"page": number, "has_more": number < 3}})

    client, asked = serve(answer)
    assert numbers(way.do(client.tags.list().all())) == [1, 2, 3]
    assert [it.url for it in asked] == ["/api/v1/tags", "/api/v1/tags?page=2", "/api/v1/tags?page=3"]


def test_pages_tell_where_they_are_and_reading_stops_where_the_reader_stops(way, serve):
    client, asked = serve(seven)
    data, meta = way.do(client.tickets.list(page=2, per_page=3).first())
    assert (numbers(data), meta["total"], meta["page"]) == ([4, 5, 6], 7, 2)
    [(data, meta)] = way.take(client.tickets.list().pages(), 1)
    assert (numbers(data), meta["next_cursor"]) == ([1, 2, 3], "c3")
    assert len(asked) == 2


def test_all_is_bounded(way, serve):
    client, _ = serve(seven)
    with pytest.raises(ValueError, match="more than 4 items"):
        way.do(client.tickets.list().all(4))
    assert len(way.do(client.tickets.list().all(7))) == 7


def test_a_list_may_be_read_twice(way, serve):
    client, _ = serve(seven)
    tickets = client.tickets.list()
    assert len(way.take(tickets)) == len(way.take(tickets)) == 7


def test_a_list_that_has_more_but_no_place_to_go_on_from_fails(way, serve):
    client, _ = serve(lambda asked, number, reply: reply.json(200, page([], has_more=True, page=None)))
    with pytest.raises(ValueError, match="does not say where"):
        way.do(client.messages.list().all())


def test_a_failure_within_a_list_is_told(way, serve):
    def answer(asked, number, reply):
        seven(asked, number, reply) if number == 1 else reply.refuse(410, "cursor_expired")

    client, _ = serve(answer)
    with pytest.raises(InboxopsError) as caught:
        way.take(client.tickets.list())
    assert caught.value.code == "cursor_expired"


def test_every_list_is_where_the_api_has_it(way, serve):
    client, asked = serve(lambda asked, number, reply: reply.json(200, page([])))
    lists = {
        "/api/v1/agents": client.agents.list(),
        "/api/v1/inboxes": client.inboxes.list(),
        "/api/v1/tags": client.tags.list(),
        "/api/v1/tickets/7/messages": client.tickets.messages(7),
        "/api/v1/tickets/7/tags": client.tickets.tags(7),
        "/api/v1/messages?ticket_id=a%2Cb": client.messages.list(ticket_id=["a", "b"]),
        "/api/v1/webhooks": client.webhooks.list(),
        "/api/v1/webhooks/w/deliveries?status=failed": client.webhooks.deliveries("w", status=["failed"]),
        "/api/v1/webhooks/w/undelivered": client.webhooks.undelivered("w"),
        "/api/v1/deliveries?response_status=5xx%2C404": client.deliveries.list(response_status=["5xx", "404"]),
        "/api/v1/audit?action=key.created": client.audit.list(action="key.created"),
        "/api/v1/tickets?ids=a%2Cb&include=messages": client.tickets.list(ids=["a", "b"], include=["messages"]),
    }
    for one in lists.values():
        assert way.do(one.all()) == []
    assert [it.url for it in asked] == list(lists)


def test_every_other_call_is_where_the_api_has_it(way, serve):
    client, asked = serve(lambda asked, number, reply: reply.json(200, {"data": {}}))
    calls = {
        "GET /me": lambda: client.me(),
        "GET /tickets/7": lambda: client.tickets.get(7),
        "POST /tickets": lambda: client.tickets.create({"subject": "A", "inbox_id": "i"}),
        "PATCH /tickets/7": lambda: client.tickets.update(7, {"assignee_id": None}),
        "POST /tickets/7/messages": lambda: client.tickets.add_note(7, {"body_text": "A"}),
        "POST /tickets/7/tags": lambda: client.tickets.add_tag(7, {"tag_name": "vip"}),
        "DELETE /tickets/7/tags/g": lambda: client.tickets.remove_tag(7, "g"),
        "GET /inboxes/i": lambda: client.inboxes.get("i"),
        "POST /webhooks": lambda: client.webhooks.create({"url": "https://a.example", "events": ["ticket.*"]}),
        "GET /webhooks/w": lambda: client.webhooks.get("w"),
        "PATCH /webhooks/w": lambda: client.webhooks.update("w", {"enabled": False}),
        "DELETE /webhooks/w": lambda: client.webhooks.delete("w"),
        "POST /webhooks/w/rotate-secret": lambda: client.webhooks.rotate_secret("w"),
        "POST /webhooks/w/promote-secret": lambda: client.webhooks.promote_secret("w"),
        "POST /webhooks/w/test": lambda: client.webhooks.test("w", {"event": "ticket.created"}),
        "GET /webhook-event-types": lambda: client.webhooks.event_types(),
        "POST /webhooks/w/recover": lambda: client.webhooks.recover("w", {"since": "2026-11-24T12:00:00Z"}),
        "GET /webhooks/w/recoveries/r": lambda: client.webhooks.recovery("w", "r"),
        "POST /webhooks/w/resend": lambda: client.webhooks.resend("w", {"status": ["failed"]}),
        "GET /webhooks/w/stats": lambda: client.webhooks.stats("w"),
        "GET /deliveries/d": lambda: client.deliveries.get("d"),
        "POST /deliveries/d/resend": lambda: client.deliveries.resend("d"),
        "POST /deliveries/d/cancel": lambda: client.deliveries.cancel("d"),
    }
    for call in calls.values():
        way.do(call())
    assert [f"{it.method} {it.path}" for it in asked] == list(calls)
    assert asked[3].body == '{"assignee_id":null}'
