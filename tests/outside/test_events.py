"""What a receiver gets: the request, the signatures, the five ticket events."""

import json
import re
import time

import pytest

from product import until

UUID7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


class Hook:
    """An endpoint for everything, and what came to it."""

    def __init__(self, tenant, receiver, events=("*",)):
        self.tenant, self.receiver = tenant, receiver
        self.url = receiver.path()
        self.made = tenant.endpoint(self.url, events)
        self.seen = 0

    def next(self, count):
        """The next requests, in order of their events; all verify."""
        hits = self.receiver.wait(self.url, self.seen + count)[self.seen :]
        self.seen += len(hits)
        for hit in hits:
            hit.verify(self.made["secret"])
        return sorted(hits, key=lambda hit: hit.json["event_id"])

    def quiet(self):
        """That nothing else came: a marker ticket is the next event."""
        marker = self.tenant.ticket(subject="marker")
        hits = self.receiver.wait(self.url, self.seen + 1)[self.seen :]
        self.seen += len(hits)
        assert [(hit.event, hit.json["data"]["ticket"]["id"]) for hit in hits] == [("ticket.created", marker["id"])]


@pytest.fixture
def hook(world, receiver):
    return Hook(world.tenant("Hooked"), receiver)


def text_of(answer):
    """The resource in an answer as its bytes."""
    return answer.content.removeprefix(b'{"data":')[:-1]


def check(hits, names, tenant, ticket, actor=None):
    """What holds for the events of every committed action."""
    assert [hit.event for hit in hits] == names
    for hit in hits:
        body = hit.json
        assert sorted(body) == ["created_at", "data", "event", "event_id", "tenant_id"]
        assert re.fullmatch(UUID7, body["event_id"])
        assert re.fullmatch(TIME, body["created_at"])
        assert body["tenant_id"] == tenant.id
        assert body["data"]["actor"] == (actor or {"type": "api_key", "id": tenant.key["id"], "name": "Sync job"})
        assert b'"ticket":' + text_of(ticket) in hit.body, f"{hit.body} has another ticket than {ticket.text}"
        assert body["data"]["ticket"] == ticket.json()["data"]
    assert len({hit.json["data"]["group"] for hit in hits}) == 1
    assert len({hit.json["event_id"] for hit in hits}) == len(hits)


def test_a_request_is_as_documented(hook):
    began = int(time.time())
    ticket = hook.tenant.ticket()
    [hit] = hook.next(1)
    body = hit.json
    assert hit.header("User-Agent") == "InboxOps-Webhooks/1.0"
    assert hit.header("Content-Type") == "application/json"
    assert hit.header("Content-Length") == str(len(hit.body))
    assert hit.header("webhook-id") == body["event_id"]
    assert began - 1 <= int(hit.header("webhook-timestamp")) <= time.time() + 1
    assert re.fullmatch(r"v1,[A-Za-z0-9+/]{43}=", hit.header("webhook-signature"))
    assert re.fullmatch(r"sha256=[0-9a-f]{64}", hit.header("X-InboxOps-Signature"))
    assert hit.header("X-InboxOps-Event") == "ticket.created" == body["event"]
    assert re.fullmatch(UUID7, hit.header("X-InboxOps-Delivery"))
    assert hit.header("X-InboxOps-Attempt") == "1"
    assert hit.header("Host") == hook.url.split("/")[2]
    for absent in ("Accept-Encoding", "Cookie", "Authorization", "Transfer-Encoding", "Expect"):
        assert hit.header(absent) is None
    shown = hook.tenant.api.get(f"/deliveries/{hit.header('X-InboxOps-Delivery')}").json()["data"]
    assert shown["event_id"] == body["event_id"] and shown["payload"]["data"]["ticket"] == ticket


def test_a_new_ticket(hook):
    made = hook.tenant.api.post("/tickets", json={"subject": "Ünï", "inbox_id": hook.tenant.inbox["id"]})
    hits = hook.next(1)
    check(hits, ["ticket.created"], hook.tenant, made)
    assert sorted(hits[0].json["data"]) == ["actor", "group", "ticket"]
    hook.quiet()


def test_a_new_ticket_with_an_assignee(hook):
    agent = hook.tenant.agent["id"]
    made = hook.tenant.api.post("/tickets", json={"subject": "x", "inbox_id": hook.tenant.inbox["id"], "assignee_id": agent})
    created, assigned = hits = hook.next(2)
    check(hits, ["ticket.created", "ticket.assigned"], hook.tenant, made)
    assert sorted(created.json["data"]) == ["actor", "group", "ticket"]
    assert sorted(assigned.json["data"]) == ["actor", "changes", "group", "ticket"]
    assert assigned.json["data"]["changes"] == {"assignee_id": {"from": None, "to": agent}}
    hook.quiet()


UPDATES = {
    "subject": ({"subject": "After"}, ["ticket.updated"]),
    "priority": ({"priority": "urgent"}, ["ticket.updated"]),
    "inbox": ({"inbox_id": "{second}"}, ["ticket.updated"]),
    "assigned": ({"assignee_id": "{agent}"}, ["ticket.updated", "ticket.assigned"]),
    "pending": ({"status": "pending"}, ["ticket.updated", "ticket.status_changed"]),
    "solved": ({"status": "solved"}, ["ticket.updated", "ticket.status_changed"]),
    "closed": ({"status": "closed"}, ["ticket.updated", "ticket.status_changed", "ticket.closed"]),
    "everything": (
        {"subject": "After", "status": "closed", "priority": "low", "assignee_id": "{agent}", "inbox_id": "{second}"},
        ["ticket.updated", "ticket.assigned", "ticket.status_changed", "ticket.closed"],
    ),
}


@pytest.mark.parametrize("how", UPDATES)
def test_a_change(hook, server, how):
    members, names = UPDATES[how]
    second = server.cli("inbox", "create", "--tenant", hook.tenant.id, "--name", "Sales", "--address", "sales@example.com")
    ids = {"agent": hook.tenant.agent["id"], "second": second["id"]}
    members = {name: value.format(**ids) for name, value in members.items()}
    before = hook.tenant.ticket()
    hook.next(1)
    after = hook.tenant.api.patch(f"/tickets/{before['id']}", json=members)
    hits = hook.next(len(names))
    check(hits, names, hook.tenant, after)
    changes = {name: {"from": before[name], "to": value} for name, value in members.items()}
    for hit in hits:
        assert sorted(hit.json["data"]) == ["actor", "changes", "group", "ticket"]
        assert hit.json["data"]["changes"] == changes
    hook.quiet()


def test_an_unassigned_ticket_is_told(hook):
    agent = hook.tenant.agent["id"]
    ticket = hook.tenant.ticket(assignee_id=agent)
    hook.next(2)
    after = hook.tenant.api.patch(f"/tickets/{ticket['id']}", json={"assignee_id": None})
    hits = hook.next(2)
    check(hits, ["ticket.updated", "ticket.assigned"], hook.tenant, after)
    assert hits[1].json["data"]["changes"] == {"assignee_id": {"from": agent, "to": None}}


def test_tags_are_told_by_name(hook):
    ticket = hook.tenant.ticket()
    hook.next(1)
    path = f"/tickets/{ticket['id']}"
    tag = hook.tenant.api.post(f"{path}/tags", json={"tag_name": "billing"}).json()["data"]
    hits = hook.next(1)
    check(hits, ["ticket.updated"], hook.tenant, hook.tenant.api.get(path))
    assert hits[0].json["data"]["changes"] == {"tags": {"from": [], "to": ["billing"]}}
    hook.tenant.api.post(f"{path}/tags", json={"tag_name": "apple"})
    [hit] = hook.next(1)
    assert hit.json["data"]["changes"] == {"tags": {"from": ["billing"], "to": ["apple", "billing"]}}
    assert hook.tenant.api.post(f"{path}/tags", json={"tag_id": tag["id"]}).status_code == 200
    hook.tenant.api.delete(f"{path}/tags/{tag['id']}")
    [hit] = hook.next(1)
    assert hit.json["data"]["changes"] == {"tags": {"from": ["apple", "billing"], "to": ["apple"]}}
    hook.quiet()


def test_a_note_is_told_without_its_text(hook):
    ticket = hook.tenant.ticket()
    hook.next(1)
    hook.tenant.api.post(f"/tickets/{ticket['id']}/messages", json={"body_text": "a secret thought"})
    hits = hook.next(1)
    check(hits, ["ticket.updated"], hook.tenant, hook.tenant.api.get(f"/tickets/{ticket['id']}"))
    assert hits[0].json["data"]["changes"] == {"note_count": {"from": 0, "to": 1}}
    assert b"secret thought" not in hits[0].body
    hook.quiet()


def test_a_change_of_nothing_causes_no_event(hook):
    ticket = hook.tenant.ticket(priority="high")
    hook.next(1)
    path = f"/tickets/{ticket['id']}"
    for members in ({}, {"priority": "high"}, {"subject": ticket["subject"], "status": "open", "assignee_id": None}):
        assert hook.tenant.api.patch(path, json=members).json()["data"]["version"] == 1
    hook.tenant.api.patch(path, json={"subject": ""})
    hook.quiet()


SUBSCRIPTIONS = [
    (["ticket.created"], ["ticket.created"]),
    (["ticket.closed", "ticket.assigned"], ["ticket.assigned", "ticket.closed"]),
    (["ticket.*"], ["ticket.created", "ticket.updated", "ticket.assigned", "ticket.status_changed", "ticket.closed"]),
    (["*"], ["ticket.created", "ticket.updated", "ticket.assigned", "ticket.status_changed", "ticket.closed"]),
    (["message.*", "inbox.error"], []),
]


def test_each_endpoint_gets_what_it_subscribed_to_once(world, receiver):
    tenant = world.tenant()
    hooks = [(Hook(tenant, receiver, events), expected) for events, expected in SUBSCRIPTIONS]
    ticket = tenant.ticket()
    tenant.api.patch(f"/tickets/{ticket['id']}", json={"assignee_id": tenant.agent["id"], "status": "closed"})
    ids = {}
    for hook, expected in hooks:
        hits = hook.next(len(expected)) if expected else []
        assert [hit.event for hit in hits] == expected
        for hit in hits:
            assert ids.setdefault(hit.event, (hit.json["event_id"], hit.body)) == (hit.json["event_id"], hit.body)
    tenant.ticket()
    for hook, expected in hooks:
        if "ticket.created" in expected:
            assert [hit.event for hit in hook.next(1)] == ["ticket.created"]
    for hook, expected in hooks:
        assert len(receiver.at(hook.url)) == hook.seen
        listed = tenant.api.get(f"/webhooks/{hook.made['id']}/deliveries").json()["data"]
        assert len(listed) == hook.seen


def test_an_endpoint_gets_no_event_of_another_tenant(world, receiver):
    mine, theirs = Hook(world.tenant(), receiver), Hook(world.tenant(), receiver)
    theirs.tenant.ticket()
    theirs.next(1)
    mine.quiet()


def test_first_attempts_start_in_the_order_of_the_events(hook):
    """One at a time, so that the order of arrival is that of the start."""
    for n in range(5):
        ticket = hook.tenant.ticket(subject=f"Number {n}")
        [hit] = hook.next(1)
        assert hit.json["data"]["ticket"] == ticket


def test_a_hundred_events_arrive_once_each(hook):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        tickets = list(pool.map(lambda n: hook.tenant.ticket(subject=f"Number {n}"), range(100)))
    hits = hook.next(100)
    by_id = {hit.json["data"]["ticket"]["id"]: hit.json["data"]["ticket"] for hit in hits}
    assert by_id == {ticket["id"]: ticket for ticket in tickets}
    assert len({hit.header("webhook-id") for hit in hits}) == 100
    listed = lambda: hook.tenant.api.get(f"/webhooks/{hook.made['id']}/deliveries?per_page=100").json()["data"]  # noqa: E731
    until("all are recorded", lambda: {one["status"] for one in listed()} == {"delivered"})
    assert len(receiver_hits := hook.receiver.at(hook.url)) == 100, receiver_hits


def test_the_body_is_what_the_log_shows(hook):
    hook.tenant.ticket(subject="é 😀 \"quoted\" </script>")
    [hit] = hook.next(1)
    answer = hook.tenant.api.get(f"/deliveries/{hit.header('X-InboxOps-Delivery')}")
    assert b'"payload":' + hit.body in answer.content
    assert answer.json()["data"]["payload"] == json.loads(hit.body)
