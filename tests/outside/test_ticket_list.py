"""The list of tickets: filters one by one, order, pages, totals."""

from datetime import datetime, timedelta

import pytest

from world import random_id, refused, violations


@pytest.fixture(scope="module")
def shop(world, server):
    """A tenant with twelve tickets that differ in everything a filter asks for."""
    shop = world.tenant("Shop")
    shop.second = server.cli("inbox", "create", "--tenant", shop.id, "--name", "Sales", "--address", "sales@example.com")
    shop.other = server.cli("agent", "create", "--tenant", shop.id, "--email", "alan@example.com", "--name", "Alan")
    shop.tickets = []
    for n in range(12):
        made = shop.ticket(
            subject=["Refund 100%", "refund_slip", "Lost parcel", "GREETING"][n % 4],
            inbox_id=[shop.inbox, shop.second][n % 2]["id"],
            priority=["low", "normal", "high", "urgent"][n // 3],
            assignee_id=[None, shop.agent["id"], shop.other["id"]][n % 3],
        )
        status = ["open", "pending", "solved", "closed"][(n // 2) % 4]
        made = shop.api.patch(f"/tickets/{made['id']}", json={"status": status}).json()["data"]
        if n % 4 == 1:
            tag = shop.api.post(f"/tickets/{made['id']}/tags", json={"tag_name": "Billing"})
            shop.tag = tag.json()["data"]
        shop.tickets.append(shop.api.get(f"/tickets/{made['id']}").json()["data"])
    return shop


def ask(shop, **query):
    answer = shop.api.get("/tickets", params={"per_page": 100} | query)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body) == ["data", "meta"]
    assert body["meta"]["total"] == len(body["data"])
    return body["data"]


FILTERS = {
    "status=open": (lambda s: {"status": "open"}, lambda s, t: t["status"] == "open"),
    "status=open,closed": (lambda s: {"status": "open,closed"}, lambda s, t: t["status"] in ("open", "closed")),
    "inbox": (lambda s: {"inbox_id": s.second["id"]}, lambda s, t: t["inbox_id"] == s.second["id"]),
    "inbox in capitals": (lambda s: {"inbox_id": s.second["id"].upper()}, lambda s, t: t["inbox_id"] == s.second["id"]),
    "both inboxes": (lambda s: {"inbox_id": f"{s.inbox['id']},{s.second['id']}"}, lambda s, t: True),
    "an inbox and an unknown one": (lambda s: {"inbox_id": f"{s.inbox['id']},{random_id()}"}, lambda s, t: t["inbox_id"] == s.inbox["id"]),
    "assignee": (lambda s: {"assignee_id": s.other["id"]}, lambda s, t: t["assignee_id"] == s.other["id"]),
    "no assignee": (lambda s: {"assignee_id": "none"}, lambda s, t: t["assignee_id"] is None),
    "an assignee or none": (lambda s: {"assignee_id": f"none,{s.agent['id']}"}, lambda s, t: t["assignee_id"] in (None, s.agent["id"])),
    "priority": (lambda s: {"priority": "high"}, lambda s, t: t["priority"] == "high"),
    "two priorities": (lambda s: {"priority": "low,urgent"}, lambda s, t: t["priority"] in ("low", "urgent")),
    "tag by name": (lambda s: {"tag": "Billing"}, lambda s, t: bool(t["tags"])),
    "tag by name in another case": (lambda s: {"tag": "bILLING"}, lambda s, t: bool(t["tags"])),
    "tag by id": (lambda s: {"tag": s.tag["id"]}, lambda s, t: bool(t["tags"])),
    "an unknown tag": (lambda s: {"tag": "nobody"}, lambda s, t: False),
    "requester": (lambda s: {"requester_email": "ada@example.com"}, lambda s, t: False),
    "q": (lambda s: {"q": "refund"}, lambda s, t: "refund" in t["subject"].lower()),
    "q within a word": (lambda s: {"q": "EETI"}, lambda s, t: t["subject"] == "GREETING"),
    "q with a per cent sign": (lambda s: {"q": "0%"}, lambda s, t: t["subject"] == "Refund 100%"),
    "q with an underscore": (lambda s: {"q": "d_s"}, lambda s, t: t["subject"] == "refund_slip"),
    "q with a backslash": (lambda s: {"q": "\\"}, lambda s, t: False),
    "q with a quote": (lambda s: {"q": "'"}, lambda s, t: False),
    "created_since": (lambda s: {"created_since": s.tickets[5]["created_at"]}, lambda s, t: t["created_at"] >= s.tickets[5]["created_at"]),
    "updated_since": (lambda s: {"updated_since": s.tickets[7]["updated_at"]}, lambda s, t: t["updated_at"] >= s.tickets[7]["updated_at"]),
    "unknown inbox": (lambda s: {"inbox_id": random_id()}, lambda s, t: False),
    "unknown assignee": (lambda s: {"assignee_id": random_id()}, lambda s, t: False),
    "two filters": (lambda s: {"status": "open", "inbox_id": s.inbox["id"]}, lambda s, t: t["status"] == "open" and t["inbox_id"] == s.inbox["id"]),
    "four filters": (
        lambda s: {"status": "open,pending", "priority": "low,normal", "assignee_id": "none", "q": "re"},
        lambda s, t: t["status"] in ("open", "pending") and t["priority"] in ("low", "normal") and t["assignee_id"] is None and "re" in t["subject"].lower(),
    ),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_keeps_exactly_what_it_names(shop, name):
    query, keep = FILTERS[name]
    got = ask(shop, **query(shop))
    assert [t["ticket_number"] for t in got] == [t["ticket_number"] for t in reversed(shop.tickets) if keep(shop, t)]
    assert all(t == shop.tickets[t["ticket_number"] - 1] for t in got)


@pytest.mark.parametrize(
    "q", ["grosse", "GRÖSSE", "Große", "gro\u0308\u00dfe", "ﬁnal", "FINAL", "cafe", "CAFÉ", "e\u0301", "①", "1", "e f"]
)
def test_q_is_compared_without_marks_case_and_forms(spellings, q):
    assert [t["subject"] for t in spellings.api.get("/tickets", params={"q": q}).json()["data"]] == ["Größe ﬁnal: café ①"]


@pytest.mark.parametrize("q", ["gröse", "fin al", "ss e", "2"])
def test_q_finds_nothing_else(spellings, q):
    assert spellings.api.get("/tickets", params={"q": q}).json()["meta"]["total"] == 0


@pytest.fixture(scope="module")
def spellings(world):
    tenant = world.tenant("Spellings")
    tenant.ticket(subject="Größe ﬁnal: café ①")
    return tenant


def test_a_microsecond_later_leaves_the_ticket_out(shop):
    ticket = shop.tickets[5]
    at = datetime.fromisoformat(ticket["created_at"]) + timedelta(microseconds=1)
    for since in (at.isoformat(), at.isoformat().replace("+00:00", "Z")):
        assert ticket["id"] not in [t["id"] for t in ask(shop, created_since=since)]


def test_a_time_with_an_offset_is_the_same_time(shop):
    at = datetime.fromisoformat(shop.tickets[5]["created_at"]) + timedelta(hours=2)
    same = at.isoformat().replace("+00:00", "+02:00")
    assert ask(shop, created_since=same) == ask(shop, created_since=shop.tickets[5]["created_at"])


WRONG = [
    "status=", "status=gone", "status=open,gone", "status=open,", "status=OPEN", "priority=soon", "inbox_id=", "inbox_id=1",
    "assignee_id=me", "assignee_id=none,x", "tag=", "q=", "requester_email=", "requester_email=no-address", "requester_email=ada+shop@example.com", "created_since=yesterday", "created_since=2026-01-01",
    "updated_since=", "sort=subject", "sort=", "sort=--created_at", "page=0", "page=-1", "page=1.5", "page=x", "page=",
    "page=1000001", "page=99999999999999999999", "per_page=0", "per_page=101", "per_page=-5", "per_page=ten",
]


@pytest.mark.parametrize("query", WRONG)
def test_a_bad_value_is_400_and_named(shop, query):
    error = refused(shop.api.get(f"/tickets?{query}"), 400, "invalid_parameter")
    assert [(detail["location"], detail["field"]) for detail in error["details"]] == [("query", query.split("=")[0])]


def test_all_bad_values_come_in_one_answer(shop):
    answer = shop.api.get("/tickets?page=0&per_page=101&status=gone&sort=x")
    assert sorted(field for field, _ in violations(answer, 400, "invalid_parameter")) == ["page", "per_page", "sort", "status"]


@pytest.mark.parametrize("sort", ["created_at", "updated_at", "ticket_number"])
def test_every_order_goes_both_ways(shop, sort):
    up = ask(shop, sort=sort)
    assert up == sorted(shop.tickets, key=lambda t: (t[sort], t["id"]))
    assert ask(shop, sort=f"-{sort}") == list(reversed(up))


def test_the_default_order_is_newest_first(shop):
    assert ask(shop) == ask(shop, sort="-created_at")


@pytest.mark.parametrize("per_page", [1, 5, 12, 100])
def test_a_walk_over_the_pages_gives_everything_once(shop, per_page):
    walked, page = [], 1
    while True:
        body = shop.api.get("/tickets", params={"page": page, "per_page": per_page}).json()
        pages = -(-12 // per_page)
        more = page < pages
        assert sorted(body["meta"]) == ["has_more", "next_cursor", "page", "per_page", "total", "total_pages"]
        meta = {name: value for name, value in body["meta"].items() if name != "next_cursor"}
        assert meta == {"page": page, "per_page": per_page, "total": 12, "total_pages": pages, "has_more": more}
        walked += body["data"]
        if not more:
            break
        page += 1
    assert walked == ask(shop)


def test_a_page_past_the_end_is_empty_with_the_true_total(shop):
    for page in (4, 1000, 1_000_000):
        body = shop.api.get("/tickets", params={"page": page, "per_page": 5}).json()
        assert body["data"] == []
        assert (body["meta"]["total"], body["meta"]["total_pages"], body["meta"]["has_more"]) == (12, 3, False)


def test_pages_default_to_25(shop):
    meta = shop.api.get("/tickets").json()["meta"]
    assert (meta["page"], meta["per_page"]) == (1, 25)


def test_an_empty_list_has_no_pages(world):
    tenant = world.tenant("Empty")
    body = tenant.api.get("/tickets").json()
    assert body == {"data": [], "meta": {"page": 1, "per_page": 25, "total": 0, "total_pages": 0, "has_more": False, "next_cursor": None}}


def test_totals_stay_exact_through_changes(world):
    tenant = world.tenant("Counted")

    def total(**query):
        return tenant.api.get("/tickets", params={"per_page": 1} | query).json()["meta"]["total"]

    tickets = [tenant.ticket() for _ in range(5)]
    assert (total(), total(status="open"), total(assignee_id="none")) == (5, 5, 5)
    tenant.api.patch(f"/tickets/{tickets[0]['id']}", json={"status": "solved", "assignee_id": tenant.agent["id"]})
    assert (total(), total(status="open"), total(status="solved"), total(assignee_id="none")) == (5, 4, 1, 4)
    tenant.api.patch(f"/tickets/{tickets[0]['id']}", json={"status": "open"})
    assert (total(status="open"), total(status="solved"), total(status="open,solved")) == (5, 0, 5)
    assert total(assignee_id=tenant.agent["id"], status="open") == 1


def test_a_list_has_no_bodies(shop):
    assert "body_text" not in shop.api.get("/tickets").text
