"""Messages with a customer, recorded by a program that handles mail, and their events."""

import itertools

import pytest

from rpc import ingest
from test_events import Hook, check, text_of
from world import refused

NUMBERS = itertools.count(1)


def mail(server, tenant, **more):
    """A customer's mail comes in; what the core made of it."""
    parts = {
        "message_id": f"<{next(NUMBERS)}.{tenant.id}@customer.example>", "from_name": "Ada", "from_email": "Ada@Example.com",
        "subject": "Where is it?", "body_text": "Hello.",
    }
    return ingest(server).ingest_inbound_message(tenant_id=tenant.id, inbox_id=tenant.inbox["id"], parts=parts | more)


def reply(server, tenant, ticket, **more):
    """A reply of an agent left."""
    members = {"provider_id": f"sent-{next(NUMBERS)}", "agent_id": tenant.agent["id"], "body_text": "On its way."} | more
    return ingest(server).record_sent_reply(tenant_id=tenant.id, ticket_id=ticket, **members)


@pytest.fixture(scope="module")
def talk(server, acme):
    """A ticket with five messages, three of the customer, and a note of ours after each."""
    first = mail(server, acme, body_text="Message 0")
    ticket = first.ticket.id
    for n in range(5):
        if n % 2:
            reply(server, acme, ticket, body_text=f"Message {n}")
        elif n:
            mail(server, acme, body_text=f"Message {n}", subject=f"Re: it [#{first.ticket.ticket_number}]")
        assert acme.api.post(f"/tickets/{ticket}/messages", json={"body_text": f"Note {n}"}).status_code == 201
    return acme.api.get(f"/tickets/{ticket}").json()["data"]


def test_messages_are_listed_oldest_first_without_notes(acme, api, talk):
    body = api.get(f"/tickets/{talk['id']}/messages").json()
    assert [message["body_text"] for message in body["data"]] == [f"Message {n}" for n in range(5)]
    assert [message["type"] for message in body["data"]] == ["inbound", "outbound"] * 2 + ["inbound"]
    assert body["meta"] == {"page": 1, "per_page": 25, "total": 5, "total_pages": 1, "has_more": False, "next_cursor": None}
    first, second = body["data"][:2]
    assert sorted(first) == ["author", "body_html", "body_text", "created_at", "id", "sent_at", "ticket_id", "truncated", "type"]
    assert (first["author"]["type"], first["author"]["id"], first["author"]["name"]) == ("customer", None, "Ada")
    assert first["author"]["email"].lower() == "ada@example.com"
    assert (second["author"]["type"], second["author"]["id"]) == ("agent", acme.agent["id"])
    assert first["ticket_id"] == talk["id"]


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


def test_the_ticket_shows_its_requester_and_counts_without_notes(api, talk):
    last = api.get(f"/tickets/{talk['id']}/messages").json()["data"][-1]
    assert talk["requester"]["name"] == "Ada" and talk["requester"]["email"].lower() == "ada@example.com"
    assert (talk["message_count"], talk["last_message_at"]) == (5, last["created_at"])
    assert (talk["channel"], talk["subject"]) == ("email", "Where is it?")
    assert talk["version"] == 10, "one step for each message and each note"


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@EXAMPLE.COM", " ada@example.com "])
def test_tickets_are_found_by_their_requester(api, talk, email):
    found = api.get("/tickets", params={"requester_email": email}).json()
    assert ([ticket["id"] for ticket in found["data"]], found["meta"]["total"]) == ([talk["id"]], 1)
    assert api.get("/tickets", params={"requester_email": "da@example.com"}).json()["data"] == []


def test_messages_of_no_ticket_are_404(api):
    refused(api.get("/tickets/999999/messages"), 404, "ticket_not_found")


def test_markup_of_a_mail_is_sanitised(server, acme, api):
    got = mail(server, acme, body_text="", body_html="<p onclick=x()>Hi</p><script>alert(1)</script>", from_email="eve@example.com")
    [message] = api.get(f"/tickets/{got.ticket.id}/messages").json()["data"]
    assert message["body_html"] == "<p>Hi</p>" and message["body_text"].strip() == "Hi"


@pytest.fixture
def hook(world, receiver):
    return Hook(world.tenant("Hooked"), receiver)


def test_a_mail_that_opens_a_ticket(server, hook):
    got = mail(server, hook.tenant)
    assert got.opened and not got.duplicate
    created, received = hits = hook.next(2)
    ticket = hook.tenant.api.get(f"/tickets/{got.ticket.id}")
    message = hook.tenant.api.get(f"/tickets/{got.ticket.id}/messages")
    check(hits, ["ticket.created", "message.received"], hook.tenant, ticket, received.json["data"]["actor"])
    assert sorted(created.json["data"]) == ["actor", "group", "ticket"]
    assert sorted(received.json["data"]) == ["actor", "group", "message", "ticket"]
    assert received.json["data"]["actor"]["type"] == "customer"
    assert b'"message":' + text_of(message).removeprefix(b"[").split(b'],"meta"')[0] in received.body
    hook.quiet()


def test_a_mail_on_a_standing_ticket(server, hook):
    first = mail(server, hook.tenant)
    hook.next(2)
    before = hook.tenant.api.get(f"/tickets/{first.ticket.id}").json()["data"]
    got = mail(server, hook.tenant, subject=f"Re: [#{first.ticket.ticket_number}]", body_text="And now?")
    assert got.ticket.id == first.ticket.id and not got.opened
    updated, received = hits = hook.next(2)
    after = hook.tenant.api.get(f"/tickets/{first.ticket.id}")
    check(hits, ["ticket.updated", "message.received"], hook.tenant, after, received.json["data"]["actor"])
    assert after.json()["data"]["version"] == before["version"] + 1
    now = after.json()["data"]["last_message_at"]
    assert updated.json["data"]["changes"] == {"message_count": {"from": 1, "to": 2}, "last_message_at": {"from": before["last_message_at"], "to": now}}
    assert received.json["data"]["message"]["body_text"] == "And now?"
    hook.quiet()


def test_a_mail_opens_a_solved_ticket_again(server, hook):
    first = mail(server, hook.tenant)
    hook.tenant.api.patch(f"/tickets/{first.ticket.id}", json={"status": "solved"})
    hook.next(4)
    got = mail(server, hook.tenant, subject=f"Re: [#{first.ticket.ticket_number}]")
    assert got.reopened
    hits = hook.next(3)
    after = hook.tenant.api.get(f"/tickets/{first.ticket.id}")
    check(hits, ["ticket.updated", "ticket.status_changed", "message.received"], hook.tenant, after, hits[0].json["data"]["actor"])
    assert (after.json()["data"]["status"], after.json()["data"]["solved_at"]) == ("open", None)


def test_the_same_mail_twice_is_recorded_once(server, hook):
    message_id = f"<same.{hook.tenant.id}@example.com>"
    first, second = (mail(server, hook.tenant, message_id=message_id) for _ in range(2))
    assert (first.duplicate, second.duplicate) == (False, True)
    assert second.message.id == first.message.id
    hook.next(2)
    hook.quiet()


def test_a_reply_that_left(server, hook):
    first = mail(server, hook.tenant)
    hook.next(2)
    got = reply(server, hook.tenant, first.ticket.id, provider_id="provider-1")
    updated, sent = hits = hook.next(2)
    after = hook.tenant.api.get(f"/tickets/{first.ticket.id}")
    check(hits, ["ticket.updated", "message.sent"], hook.tenant, after, sent.json["data"]["actor"])
    assert sent.json["data"]["message"]["type"] == "outbound" and sent.json["data"]["message"]["id"] == got.message.id
    assert sorted(updated.json["data"]["changes"]) == ["last_message_at", "message_count"]
    assert reply(server, hook.tenant, first.ticket.id, provider_id="provider-1").duplicate
    hook.quiet()


def test_an_inbox_that_fails_is_told_once(server, hook):
    tenant = hook.tenant
    stub = ingest(server)
    who = {"tenant_id": tenant.id, "inbox_id": tenant.inbox["id"]}
    for code, changed in (("auth_failed", True), ("auth_failed", False), ("timeout", True)):
        assert stub.report_inbox_error(**who, code=code, message="It does not work.").changed is changed
    inbox = tenant.api.get(f"/inboxes/{tenant.inbox['id']}").json()["data"]
    assert (inbox["status"], inbox["error"]["code"], inbox["error"]["message"]) == ("error", "timeout", "It does not work.")
    first, second = hook.next(2)
    for hit, code in ((first, "auth_failed"), (second, "timeout")):
        assert hit.event == "inbox.error"
        data = hit.json["data"]
        assert sorted(data) == ["actor", "error", "group", "inbox"]
        assert (data["error"]["code"], data["inbox"]["id"]) == (code, tenant.inbox["id"])
    assert second.json["data"]["inbox"] == inbox and second.json["data"]["error"] == inbox["error"]
    assert stub.resolve_inbox_error(**who).changed and not stub.resolve_inbox_error(**who).changed
    assert tenant.api.get(f"/inboxes/{tenant.inbox['id']}").json()["data"]["status"] == "active"
    hook.quiet()
