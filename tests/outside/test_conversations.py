"""rest.md §5: the messages of a ticket with a customer. The customer's mails are put into the database by hand."""

import uuid

import pytest

from backdoor import insert, update
from world import refused

INBOUND, OUTBOUND = 1, 2
BEGAN = 1_760_000_000_000_000


@pytest.fixture(scope="module")
def talk(server, acme):
    """A ticket with five messages, three of the customer, and a note of ours in between."""
    ticket = acme.ticket(subject="A talk")
    for n in range(5):
        inbound = n % 2 == 0
        insert(
            server, "messages", id=uuid.uuid4(), tenant_id=uuid.UUID(acme.id), ticket_id=uuid.UUID(ticket["id"]), inbox_id=uuid.UUID(acme.inbox["id"]),
            kind=INBOUND if inbound else OUTBOUND, author_kind=1 if inbound else 2, author_id=None if inbound else uuid.UUID(acme.agent["id"]),
            author_name="Ada" if inbound else "Grace Hopper", author_email="ada@example.com" if inbound else None,
            body_text=f"Message {n}", body_html=f"<p>Message {n}</p>", truncated=False, created_at=BEGAN + n,
        )
        assert acme.api.post(f"/tickets/{ticket['id']}/messages", json={"body_text": f"Note {n}"}).status_code == 201
    update(
        server, "tickets", ticket["id"], message_count=5, last_message_at=BEGAN + 4,
        requester_name="Ada", requester_email="Ada@Example.com", requester_folded="ada@example.com",
    )
    return ticket


def test_messages_are_listed_oldest_first_without_notes(api, talk):
    body = api.get(f"/tickets/{talk['id']}/messages").json()
    assert [message["body_text"] for message in body["data"]] == [f"Message {n}" for n in range(5)]
    assert [message["type"] for message in body["data"]] == ["inbound", "outbound"] * 2 + ["inbound"]
    assert body["meta"] == {"page": 1, "per_page": 25, "total": 5, "total_pages": 1, "has_more": False, "next_cursor": None}
    first, second = body["data"][:2]
    assert sorted(first) == ["author", "body_html", "body_text", "created_at", "id", "ticket_id", "truncated", "type"]
    assert first["author"] == {"type": "customer", "id": None, "name": "Ada", "email": "ada@example.com"}
    assert second["author"]["type"] == "agent" and second["author"]["id"]
    assert (first["created_at"], first["ticket_id"]) == ("2025-10-09T08:53:20.000000Z", talk["id"])


@pytest.mark.parametrize("per_page", [1, 2, 5])
def test_pages_count_without_notes(api, talk, per_page):
    walked = []
    for page in range(1, -(-5 // per_page) + 1):
        body = api.get(f"/tickets/{talk['id']}/messages", params={"page": page, "per_page": per_page}).json()
        assert body["meta"]["total"] == 5 and body["meta"]["has_more"] == (page * per_page < 5)
        walked += [message["body_text"] for message in body["data"]]
    assert walked == [f"Message {n}" for n in range(5)]


def test_no_way_shows_a_note(api, talk):
    for path in (f"/tickets/{talk['id']}/messages?per_page=100", f"/tickets/{talk['id']}", "/tickets?per_page=100", "/tickets?q=Note"):
        assert "Note " not in api.get(path).text


def test_the_ticket_shows_its_requester_and_the_count_without_notes(api, talk):
    ticket = api.get(f"/tickets/{talk['id']}").json()["data"]
    assert ticket["requester"] == {"name": "Ada", "email": "Ada@Example.com"}
    assert (ticket["message_count"], ticket["last_message_at"]) == (5, "2025-10-09T08:53:20.000004Z")


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@EXAMPLE.COM", " ada@example.com "])
def test_tickets_are_found_by_their_requester(api, talk, email):
    found = api.get("/tickets", params={"requester_email": email}).json()
    assert ([ticket["id"] for ticket in found["data"]], found["meta"]["total"]) == ([talk["id"]], 1)
    assert api.get("/tickets", params={"requester_email": "da@example.com"}).json()["data"] == []


def test_messages_of_no_ticket_are_404(api):
    refused(api.get("/tickets/999999/messages"), 404, "ticket_not_found")
