"""`GET /deliveries`: the log of all endpoints, by every filter, and the members that tell of ticket and waiting."""

import pytest

from product import until
from receiver import Answer
from test_deliveries import DELIVERY
from test_recovery import off
from world import random_id, refused, violations


def search(api, **query):
    answer = api.get("/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    assert sorted(answer.json()["meta"]) == ["has_more", "next_cursor"]
    return answer.json()


def ids(rows):
    return [row["id"] for row in rows]


@pytest.fixture(scope="module")
def logged(world, receiver):
    """A tenant with two endpoints, one that answers 200 and one that answers 503; and the deliveries of three tickets."""
    tenant = world.tenant("Searched")
    tenant.good = tenant.endpoint(receiver.path(), ["ticket.*"])
    tenant.bad = tenant.endpoint(receiver.path(Answer(503)), ["ticket.created"])
    tenant.opened = [tenant.ticket(subject=f"Order {n}") for n in range(3)]
    tenant.api.patch(f"/tickets/{tenant.opened[0]['id']}", json={"subject": "Order 0, changed"})
    rows = lambda: search(tenant.api, per_page=100)["data"]  # noqa: E731
    ended = lambda: len(found := rows()) == 7 and {row["status"] for row in found} == {"delivered", "retrying"}  # noqa: E731
    until("all were tried", ended)
    tenant.log = rows()
    return tenant


def test_it_is_newest_first_with_the_members_of_every_delivery(logged):
    assert all(set(row) == set(DELIVERY) for row in logged.log)
    times = [row["created_at"] for row in logged.log]
    assert times == sorted(times, reverse=True)
    for row in logged.log:
        assert logged.api.get(f"/deliveries/{row['id']}").json()["data"].items() >= row.items()


def test_a_delivery_tells_its_ticket_and_what_it_waits_for(logged):
    opened = {ticket["id"]: ticket for ticket in logged.opened}
    for row in logged.log:
        ticket = opened[row["ticket_id"]]
        assert row["ticket_number"] == ticket["ticket_number"] and row["subject"].startswith(ticket["subject"])
        assert row["waits_for"] == ("retry" if row["status"] == "retrying" else None)
    assert {row["subject"] for row in logged.log} == {"Order 0, changed", "Order 1", "Order 2"}


FILTERS = {
    "endpoint": lambda it: ({"endpoint_id": it.bad["id"]}, lambda row: row["endpoint_id"] == it.bad["id"]),
    "status": lambda it: ({"status": "retrying,failed"}, lambda row: row["status"] == "retrying"),
    "event": lambda it: ({"event": "ticket.updated"}, lambda row: row["event"] == "ticket.updated"),
    "event id": lambda it: ({"event_id": it.log[0]["event_id"]}, lambda row: row["event_id"] == it.log[0]["event_id"]),
    "ticket": lambda it: ({"ticket_id": it.opened[0]["id"]}, lambda row: row["ticket_id"] == it.opened[0]["id"]),
    "hundred": lambda it: ({"response_status": "5xx"}, lambda row: row["response_status"] == 503),
    "number": lambda it: ({"response_status": "200"}, lambda row: row["response_status"] == 200),
    "several": lambda it: ({"response_status": "2xx,503"}, lambda row: True),
    "since": lambda it: ({"since": it.log[3]["created_at"]}, lambda row: row["created_at"] >= it.log[3]["created_at"]),
    "until": lambda it: ({"until": it.log[3]["created_at"]}, lambda row: row["created_at"] < it.log[3]["created_at"]),
    "all at once": lambda it: (
        {"endpoint_id": it.bad["id"], "status": "retrying", "event": "ticket.created", "response_status": "503",
         "ticket_id": it.opened[1]["id"]},
        lambda row: row["endpoint_id"] == it.bad["id"] and row["ticket_id"] == it.opened[1]["id"],
    ),
    "nothing": lambda it: ({"response_status": "404"}, lambda row: False),
    "no endpoint": lambda it: ({"endpoint_id": random_id()}, lambda row: False),
    "no ticket": lambda it: ({"ticket_id": random_id()}, lambda row: False),
    "no event": lambda it: ({"event_id": random_id()}, lambda row: False),
}


@pytest.mark.parametrize("what", FILTERS)
def test_a_filter_selects_what_it_names_page_by_page(logged, what):
    query, keeps = FILTERS[what](logged)
    expected = ids(row for row in logged.log if keeps(row))
    assert ids(search(logged.api, **query)["data"]) == expected
    walked, cursor = [], {}
    while True:
        body = search(logged.api, per_page=2, **query, **cursor)
        walked += ids(body["data"])
        if not body["meta"]["has_more"]:
            break
        cursor = {"cursor": body["meta"]["next_cursor"]}
    assert walked == expected


def test_a_cursor_belongs_to_its_filters(logged):
    cursor = search(logged.api, per_page=1)["meta"]["next_cursor"]
    assert len(cursor) <= 200
    refused(logged.api.get("/deliveries", params={"cursor": cursor, "status": "failed"}), 400, "invalid_cursor")
    refused(logged.api.get("/deliveries", params={"cursor": "x"}), 400, "invalid_cursor")
    refused(logged.api.get(f"/webhooks/{logged.good['id']}/deliveries", params={"cursor": cursor}), 400, "invalid_cursor")


@pytest.mark.parametrize("query,violation", [
    ("response_status=6xx", ("response_status", "invalid_format")), ("response_status=99", ("response_status", "too_short")),
    ("status=lost", ("status", "invalid_enum")), ("event=ticket.*", ("event", "invalid_enum")),
    ("endpoint_id=x", ("endpoint_id", "invalid_format")), ("since=now", ("since", "invalid_format")),
    ("per_page=101", ("per_page", "out_of_range")), ("response_status=", ("response_status", "blank")),
])
def test_a_bad_value_is_refused(logged, query, violation):
    assert violations(logged.api.get(f"/deliveries?{query}"), 400, "invalid_parameter") == [violation]


def test_another_workspace_sees_none_of_it(world, logged):
    other = world.tenant("Other")
    assert search(other.api)["data"] == []
    for query in ({"endpoint_id": logged.good["id"]}, {"ticket_id": logged.opened[0]["id"]}, {"event_id": logged.log[0]["event_id"]}):
        assert search(other.api, **query)["data"] == []


def test_what_a_recovery_makes_is_found_by_the_time_at_which_it_was_made(world, receiver):
    tenant = world.tenant("Recovered")
    endpoint = tenant.endpoint(receiver.path(), ["ticket.created"])
    off(tenant.api, endpoint)
    missed = tenant.ticket()
    off(tenant.api, endpoint, True)
    later = tenant.ticket()
    until("the later one is there", lambda: search(tenant.api)["data"])
    tenant.api.post(f"/webhooks/{endpoint['id']}/recover", json={"since": missed["created_at"]})
    both = until("both are there", lambda: (lambda rows: rows if len(rows) == 2 else None)(search(tenant.api)["data"]))
    assert [row["ticket_id"] for row in both] == [later["id"], missed["id"]], "in the order of their events"
    assert both[1]["created_at"] > both[0]["created_at"]
    assert ids(search(tenant.api, since=both[1]["created_at"])["data"]) == [both[1]["id"]]
    assert ids(search(tenant.api, until=both[1]["created_at"])["data"]) == [both[0]["id"]]
