"""Lists by cursor: walks beside writers, links, what is included, and answers that any client can read."""

import re
import threading

import grpc
import httpx
import pytest

from refusals import foreign_cursor
from rpc import Stub, channel
from test_conversations import mail
from world import random_id, refused, violations

ANSWER_MAX_BYTES = 4 * 1024 * 1024


@pytest.fixture(scope="module")
def shop(world):
    shop = world.tenant("Shop")
    shop.tickets = [shop.ticket(subject=f"Order {n}", priority=["low", "high"][n % 2]) for n in range(30)]
    return shop


def walked(api, path, **query):
    """The items of a whole walk by cursor."""
    items, body = [], api.get(path, params=query).json()
    while True:
        items += body["data"]
        assert body["meta"]["has_more"] == (body["meta"]["next_cursor"] is not None)
        if not body["meta"]["has_more"]:
            return items
        answer = api.get(path, params=query | {"cursor": body["meta"]["next_cursor"]})
        assert answer.status_code == 200, answer.text
        body = answer.json()


SORTS = [way + key for key in ("created_at", "updated_at", "ticket_number") for way in ("", "-")]


@pytest.mark.parametrize("sort", SORTS)
def test_a_walk_gives_what_the_pages_give(shop, sort):
    for query in ({}, {"priority": "high"}, {"q": "order 1"}):
        whole = shop.api.get("/tickets", params={"per_page": 100, "sort": sort} | query).json()["data"]
        assert walked(shop.api, "/tickets", per_page=4, sort=sort, **query) == whole


@pytest.mark.parametrize("sort", SORTS)
def test_a_walk_beside_writers_gives_what_they_leave_alone_once(server, world, sort):
    tenant = world.tenant("Busy")
    tickets = [tenant.ticket(subject=f"Order {n}") for n in range(120)]
    done = threading.Event()

    def write():
        with httpx.Client(base_url=f"{server.url}/api/v1", headers=tenant.api.headers, timeout=20) as api:
            for n in range(10_000):
                # Slower than the reader, or a walk by the time of changes would never end.
                if done.wait(0.02):
                    return
                changed = tickets[3 * n % len(tickets)]
                assert api.patch(f"/tickets/{changed['id']}", json={"priority": ["low", "high"][n // 40 % 2]}).status_code == 200
                assert api.post("/tickets", json={"subject": "New", "inbox_id": tenant.inbox["id"]}).status_code == 201

    writer = threading.Thread(target=write)
    writer.start()
    try:
        rounds = [walked(tenant.api, "/tickets", per_page=7, sort=sort, q="order") for _ in range(3)]
    finally:
        done.set()
        writer.join()
    for seen in rounds:
        ids = [one["id"] for one in seen]
        for n, ticket in enumerate(tickets):
            if n % 3:
                assert ids.count(ticket["id"]) == 1, ticket["subject"]


def test_a_cursor_is_good_for_its_own_list(shop, acme):
    cursor = shop.api.get("/tickets?per_page=2&priority=low").json()["meta"]["next_cursor"]
    assert len(cursor) <= 200
    assert shop.api.get("/tickets", params={"cursor": cursor, "priority": "low", "per_page": 9}).status_code == 200
    for query in ({}, {"priority": "high"}, {"priority": "low", "sort": "created_at"}):
        refused(shop.api.get("/tickets", params={"cursor": cursor} | query), 400, "invalid_cursor")
    refused(acme.api.get("/tickets", params={"cursor": cursor, "priority": "low"}), 400, "invalid_cursor")
    refused(shop.api.get("/agents", params={"cursor": cursor}), 400, "invalid_cursor")
    both = shop.api.get("/tickets", params={"cursor": cursor, "priority": "low", "page": 1})
    assert violations(both, 400, "invalid_parameter") == [("cursor", "mutually_exclusive")]
    other = shop.api.get("/tickets", params={"cursor": foreign_cursor(), "priority": "low"})
    assert violations(other, 410, "cursor_expired") == [("cursor", "other_history")]


def links(answer):
    return {rel: url for url, rel in re.findall(r'<([^>]*)>; rel="(\w+)"', answer.headers["link"])}


def test_links_lead_through_a_list(shop, server):
    root = httpx.Client(base_url=server.url, headers=shop.api.headers, timeout=20)
    answer = shop.api.get("/tickets?priority=high&per_page=4&q=order%20&sort=created_at")
    assert links(answer).keys() == {"next", "first"}
    numbers = [one["ticket_number"] for one in answer.json()["data"]]
    while "next" in links(answer):
        assert links(answer)["next"].startswith("/api/v1/tickets?priority=high&per_page=4&q=order%20&sort=created_at&page=")
        answer = root.get(links(answer)["next"])
        numbers += [one["ticket_number"] for one in answer.json()["data"]]
        assert links(answer).keys() >= {"prev", "first"}
    assert numbers == [one["ticket_number"] for one in shop.tickets if one["priority"] == "high"]
    assert root.get(links(answer)["first"]).json()["data"][0]["ticket_number"] == numbers[0]
    before = root.get(links(answer)["prev"])
    assert links(before)["next"].endswith(f"page={answer.json()['meta']['page']}")
    by_cursor = shop.api.get("/tickets", params={"per_page": 20, "cursor": shop.api.get("/tickets?per_page=5").json()["meta"]["next_cursor"]})
    assert links(by_cursor).keys() == {"next", "first"} and "page" not in httpx.URL(links(by_cursor)["next"]).params
    last = root.get(links(by_cursor)["next"])
    assert len(last.json()["data"]) == 5 and links(last).keys() == {"first"}
    assert links(last)["first"] == "/api/v1/tickets?per_page=20"
    root.close()


def test_ids_and_an_end_of_time_filter(shop):
    some = [shop.tickets[n]["id"] for n in (3, 17, 4)]
    body = shop.api.get("/tickets", params={"ids": ",".join([*some, random_id()])}).json()
    assert ([one["ticket_number"] for one in body["data"]], body["meta"]["total"]) == ([18, 5, 4], 3)
    refused(shop.api.get("/tickets?ids=1"), 400, "invalid_parameter")
    refused(shop.api.get("/tickets", params={"ids": ",".join([some[0]] * 101)}), 400, "invalid_parameter")
    until = shop.tickets[10]["updated_at"]
    body = shop.api.get("/tickets", params={"updated_until": until, "per_page": 100}).json()
    assert [one["ticket_number"] for one in body["data"]] == list(range(10, 0, -1)) and "safe_since" not in body["meta"]


@pytest.fixture(scope="module")
def talk(server, world):
    """A ticket with twelve long mails, as long as they may be, and a note."""
    tenant = world.tenant("Talk")
    first = mail(server, tenant, subject="Long", body_text="0 " + "a" * 240_000)
    for n in range(1, 12):
        mail(server, tenant, subject=f"Re: [#{first.ticket.ticket_number}]", body_text=f"{n} " + "a" * 240_000)
    assert tenant.api.post(f"/tickets/{first.ticket.id}/messages", json={"body_text": "A note"}).status_code == 201
    tenant.ticket(subject="Silent")
    return tenant


def numbers(messages):
    return [int(one["body_text"].split()[0]) for one in messages]


def test_a_page_of_long_messages_is_whole_and_can_be_read(talk):
    answer = talk.api.get("/tickets/1/messages")
    assert len(answer.content) <= ANSWER_MAX_BYTES
    messages = answer.json()["data"]
    assert numbers(messages) == list(range(12)) and all(one["truncated"] for one in messages)
    walk = walked(talk.api, "/tickets/1/messages", per_page=1)
    assert numbers(walk) == list(range(12)) and not any(one["truncated"] for one in walk)
    cursor = talk.api.get("/tickets/1/messages?per_page=1").json()["meta"]["next_cursor"]
    answer = talk.api.get("/tickets/1/messages", params={"per_page": 100, "cursor": cursor})
    assert len(answer.content) <= ANSWER_MAX_BYTES and answer.json()["meta"]["has_more"]
    assert 1 < len(answer.json()["data"]) < 11 and not any(one["truncated"] for one in answer.json()["data"])


def test_a_grpc_client_reads_every_list_with_its_defaults(talk, server):
    with channel(server.port) as line:
        messages = Stub(line, "v1", "messages", "MessageService", talk.key["key"])
        assert len(messages.list_ticket_messages(ticket_id="1").messages) == 12
        assert len(messages.list_messages(per_page=100).messages) > 1
        tickets = Stub(line, "v1", "tickets", "TicketService", talk.key["key"])
        listed = tickets.list_tickets(include=["messages"]).tickets
        assert [len(one.messages.messages) for one in listed] == [0, 12]
        assert not any(one.HasField("messages") for one in tickets.list_tickets().tickets)
        with pytest.raises(grpc.RpcError) as caught:
            tickets.list_tickets(include=["bodies"])
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_messages_of_all_tickets_are_walked_without_notes(talk):
    messages = walked(talk.api, "/messages", per_page=100)
    assert numbers(messages) == list(range(12)) and not any(one["truncated"] for one in messages)
    since = messages[7]["created_at"]
    assert numbers(walked(talk.api, "/messages", created_since=since)) == list(range(7, 12))
    assert numbers(walked(talk.api, "/messages", created_until=since)) == list(range(7))
    assert numbers(walked(talk.api, "/messages", ticket_id=messages[0]["ticket_id"])) == list(range(12))
    assert walked(talk.api, "/messages", ticket_id=random_id()) == []
    refused(talk.api.get("/messages?page=1"), 400, "unknown_parameter")


def test_included_messages_need_their_scope(talk, world):
    answer = talk.api.get("/tickets?include=messages")
    assert len(answer.content) <= ANSWER_MAX_BYTES
    silent, long = answer.json()["data"]
    assert (silent["messages"], silent["messages_truncated"]) == ([], False)
    assert numbers(long["messages"]) == list(range(12)) and not long["messages_truncated"]
    assert "A note" not in answer.text and "messages" not in talk.api.get("/tickets").json()["data"][0]
    weak = world.client(talk.new_key("--scopes", "tickets:read")["key"])
    assert weak.get("/tickets").status_code == 200
    error = refused(weak.get("/tickets?include=messages"), 403, "insufficient_scope")
    assert [one["allowed"] for one in error["details"]] == [["messages:read"]]
    refused(weak.get("/messages"), 403, "insufficient_scope")
