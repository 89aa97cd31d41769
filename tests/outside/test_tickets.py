"""Tickets over REST."""

import re

import pytest

from world import random_id, refused, violations

FIELDS = [
    "id", "ticket_number", "subject", "status", "priority", "inbox_id", "assignee_id", "requester", "tags", "channel",
    "message_count", "last_message_at", "created_at", "updated_at", "solved_at", "closed_at", "version",
]
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


def test_a_new_ticket_has_every_field(acme, api):
    answer = api.post("/tickets", json={"subject": "Refund", "inbox_id": acme.inbox["id"]})
    assert answer.status_code == 201
    assert list(answer.json()) == ["data"]
    ticket = answer.json()["data"]
    assert sorted(ticket) == sorted(FIELDS)
    assert re.fullmatch(UUID, ticket["id"])
    assert isinstance(ticket["ticket_number"], int)
    assert re.fullmatch(TIME, ticket["created_at"]) and ticket["updated_at"] == ticket["created_at"]
    fixed = {name: ticket[name] for name in FIELDS if name not in ("id", "ticket_number", "created_at", "updated_at")}
    assert fixed == {
        "subject": "Refund", "status": "open", "priority": "normal", "inbox_id": acme.inbox["id"], "assignee_id": None,
        "requester": None, "tags": [], "channel": "api", "message_count": 0, "last_message_at": None, "solved_at": None,
        "closed_at": None, "version": 1,
    }
    assert answer.headers["location"] == f"/api/v1/tickets/{ticket['id']}"
    assert answer.headers["etag"] == '"1"'


def test_what_was_created_is_what_is_read(acme, api):
    made = api.post("/tickets", json={"subject": "Ä", "inbox_id": acme.inbox["id"], "priority": "urgent", "assignee_id": acme.agent["id"]})
    ticket = made.json()["data"]
    assert (ticket["priority"], ticket["assignee_id"]) == ("urgent", acme.agent["id"])
    read = api.get(made.headers["location"].removeprefix("/api/v1"))
    assert read.status_code == 200
    assert read.content == made.content
    assert read.headers["etag"] == made.headers["etag"]


def test_numbers_count_from_1_in_each_tenant(world):
    tenant = world.tenant()
    assert [tenant.ticket()["ticket_number"] for _ in range(3)] == [1, 2, 3]


def test_a_ticket_is_found_by_its_number_and_by_its_id_in_any_case(acme, api):
    ticket = acme.ticket()
    for name in (ticket["ticket_number"], ticket["id"], ticket["id"].upper()):
        assert api.get(f"/tickets/{name}").json() == {"data": ticket}
        assert api.patch(f"/tickets/{name}", json={}).json() == {"data": ticket}


def test_ids_in_a_body_are_read_in_any_case(acme):
    assert acme.ticket(inbox_id=acme.inbox["id"].upper())["inbox_id"] == acme.inbox["id"]


@pytest.mark.parametrize("value", ["", "abc", "1", "019ab5f0c3a47c1e8d2b6f4a9e0c7d51", " "])
def test_an_id_of_another_form_breaks_a_rule(acme, api, value):
    assert violations(api.post("/tickets", json={"subject": "x", "inbox_id": value})) == [("inbox_id", "invalid_format")]


def test_references_that_do_not_exist_are_named(acme, api):
    answer = api.post("/tickets", json={"subject": "x", "inbox_id": random_id(), "assignee_id": random_id()})
    assert sorted(violations(answer)) == [("assignee_id", "not_found"), ("inbox_id", "not_found")]


def test_null_leaves_a_new_ticket_unassigned(acme):
    assert acme.ticket(assignee_id=None)["assignee_id"] is None


def change(api, ticket, **members):
    answer = api.patch(f"/tickets/{ticket['id']}", json=members)
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == f'"{answer.json()["data"]["version"]}"'
    return answer.json()["data"]


CHANGES = [
    {"subject": "Another"},
    {"status": "pending"},
    {"priority": "high"},
    {"assignee_id": "{agent}"},
    {"inbox_id": "{second}"},
    {"subject": "Another", "status": "pending", "priority": "low", "assignee_id": "{agent}", "inbox_id": "{second}"},
]


@pytest.fixture(scope="module")
def second(server, acme):
    """Another inbox of the tenant."""
    return server.cli("inbox", "create", "--tenant", acme.id, "--name", "Sales", "--address", "sales@example.com")


@pytest.mark.parametrize("members", CHANGES, ids=lambda members: "+".join(members))
def test_a_patch_changes_what_it_names_and_nothing_else(acme, api, second, members):
    ids = {"agent": acme.agent["id"], "second": second["id"]}
    members = {name: value.format(**ids) for name, value in members.items()}
    ticket = acme.ticket()
    after = change(api, ticket, **members)
    assert after["version"] == 2 and after["updated_at"] > ticket["updated_at"]
    assert after == ticket | members | {name: after[name] for name in ("version", "updated_at")}
    assert api.get(f"/tickets/{ticket['id']}").json()["data"] == after


def test_a_patch_that_changes_nothing_leaves_the_ticket_as_it_was(acme, api):
    ticket = acme.ticket(priority="high", assignee_id=acme.agent["id"])
    same = {name: ticket[name] for name in ("subject", "status", "priority", "assignee_id", "inbox_id")}
    for members in ({}, same, {"subject": f"  {ticket['subject']} "}, {"status": "open"}):
        assert change(api, ticket, **members) == ticket


def test_null_unassigns(acme, api):
    ticket = acme.ticket(assignee_id=acme.agent["id"])
    assert change(api, ticket, subject="x")["assignee_id"] == acme.agent["id"]
    after = change(api, ticket, assignee_id=None)
    assert (after["assignee_id"], after["version"]) == (None, 3)
    assert change(api, ticket, assignee_id=None) == after


@pytest.mark.parametrize("name", ["subject", "status", "priority", "inbox_id"])
def test_nothing_else_can_be_null(acme, api, name):
    answer = api.patch(f"/tickets/{acme.ticket()['id']}", json={name: None})
    assert violations(answer, 400, "invalid_request") == [(name, "invalid_type")]


def test_a_patch_that_is_refused_changes_nothing(acme, api):
    ticket = acme.ticket()
    refused(api.patch(f"/tickets/{ticket['id']}", json={"subject": "y", "assignee_id": random_id()}), 422, "validation_failed")
    refused(api.patch(f"/tickets/{ticket['id']}", json={"subject": "y", "status": "gone"}), 422, "validation_failed")
    assert api.get(f"/tickets/{ticket['id']}").json()["data"] == ticket


STATES = ["open", "pending", "solved", "closed"]


@pytest.mark.parametrize("start", STATES)
@pytest.mark.parametrize("end", STATES)
def test_any_state_may_follow_any_other(acme, api, start, end):
    before = change(api, acme.ticket(), status=start)
    after = change(api, before, status=end)
    assert after["status"] == end
    for state in ("solved", "closed"):
        at = after[f"{state}_at"]
        assert (at is not None) == (end == state)
        if end == state:
            assert at == (before[f"{state}_at"] if start == end else after["updated_at"])


def test_a_disabled_inbox_takes_no_ticket(place, server, world, acme, api):
    """Only a program of the operator switches an inbox off; see test_grpc.py for the RPC."""
    from rpc import internal

    ticket = acme.ticket()
    gone = server.cli("inbox", "create", "--tenant", acme.id, "--name", "Gone", "--address", "gone@example.com")
    internal(server).update_inbox(tenant_id=acme.id, inbox_id=gone["id"], enabled=False)
    assert api.get(f"/inboxes/{gone['id']}").json()["data"]["status"] == "disabled"
    answer = api.post("/tickets", json={"subject": "x", "inbox_id": gone["id"]})
    assert violations(answer) == [("inbox_id", "inbox_disabled")]
    answer = api.patch(f"/tickets/{ticket['id']}", json={"inbox_id": gone["id"]})
    assert violations(answer) == [("inbox_id", "inbox_disabled")]


def test_the_same_change_twice_at_once_counts_once(acme, api):
    from concurrent.futures import ThreadPoolExecutor

    ticket = acme.ticket()
    with ThreadPoolExecutor(8) as pool:
        after = list(pool.map(lambda _: change(api, ticket, priority="high"), range(16)))
    assert {one["version"] for one in after} == {2}


def test_changes_at_once_each_count(acme, api):
    from concurrent.futures import ThreadPoolExecutor

    ticket = acme.ticket()
    with ThreadPoolExecutor(8) as pool:
        after = list(pool.map(lambda n: change(api, ticket, subject=f"Subject {n}"), range(16)))
    assert sorted(one["version"] for one in after) == list(range(2, 18))
