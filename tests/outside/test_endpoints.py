"""Webhook endpoints over REST."""

import re

import pytest

from world import random_id, refused, violations

FIELDS = [
    "id", "url", "description", "events", "enabled", "inbox_ids", "rate_per_second", "headers", "status",
    "disabled_reason", "secret", "secret_hint", "last_delivery", "created_at", "updated_at",
    "rotation", "failing", "backlog", "payload",
]
EVENTS = [
    "ticket.created", "ticket.updated", "ticket.assigned", "ticket.status_changed", "ticket.closed",
    "message.received", "message.sent", "inbox.error",
]
URL = "http://127.0.0.1:9999/hook"


def test_a_new_endpoint_has_every_field_and_shows_its_secret_once(acme, api):
    answer = api.post("/webhooks", json={"url": URL, "events": ["ticket.*"], "description": " CRM sync "})
    assert answer.status_code == 201, answer.text
    made = answer.json()["data"]
    assert sorted(made) == sorted(FIELDS)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{32}", made["secret"])
    assert made["secret_hint"] == made["secret"][-4:]
    fixed = {name: made[name] for name in FIELDS if name not in ("id", "secret", "secret_hint", "created_at", "updated_at")}
    assert fixed == {
        "url": URL, "description": "CRM sync", "events": ["ticket.*"], "enabled": True, "inbox_ids": [], "rate_per_second": None,
        "headers": [], "status": "active", "disabled_reason": None, "last_delivery": None,
        "rotation": None, "failing": None, "backlog": {"waiting": 0, "oldest_at": None, "behind_seconds": 0},
        "payload": "full",
    }
    assert answer.headers["location"] == f"/api/v1/webhooks/{made['id']}"
    assert answer.headers["cache-control"] == "no-store"
    read = api.get(f"/webhooks/{made['id']}")
    assert read.json()["data"] == made | {"secret": None}
    assert made["secret"] not in api.get("/webhooks").text
    changed = api.patch(f"/webhooks/{made['id']}", json={"description": "x"})
    assert changed.json()["data"]["secret"] is None


def test_secrets_differ(acme):
    assert len({acme.endpoint(URL)["secret"] for _ in range(5)}) == 5


def test_endpoints_are_listed_newest_first(world):
    tenant = world.tenant("Listed")
    made = [tenant.endpoint(URL)["id"] for _ in range(3)]
    listed = tenant.api.get("/webhooks").json()
    assert [one["id"] for one in listed["data"]] == made[::-1]
    assert listed["meta"] == {"page": 1, "per_page": 25, "total": 3, "total_pages": 1, "has_more": False, "next_cursor": None}
    assert [one["id"] for one in tenant.api.get("/webhooks?per_page=1&page=2").json()["data"]] == [made[1]]


CHANGES = [
    {"url": "http://127.0.0.1:9998/other"},
    {"events": ["ticket.created", "inbox.error"]},
    {"enabled": False},
    {"description": "Another"},
    {"description": None},
    {"url": "http://127.0.0.1:9998/", "events": ["*"], "enabled": False, "description": None},
]


@pytest.mark.parametrize("members", CHANGES, ids=str)
def test_a_patch_changes_what_it_names(acme, api, members):
    made = acme.endpoint(URL, description="CRM")
    after = api.patch(f"/webhooks/{made['id']}", json=members)
    assert after.status_code == 200, after.text
    after = after.json()["data"]
    status = "paused" if members.get("enabled") is False else "active"
    assert after == made | members | {"secret": None, "status": status, "updated_at": after["updated_at"]}
    assert after["updated_at"] > made["updated_at"]
    assert api.get(f"/webhooks/{made['id']}").json()["data"] == after


def test_an_empty_patch_changes_nothing(acme, api):
    made = acme.endpoint(URL)
    assert api.patch(f"/webhooks/{made['id']}", json={}).json()["data"] == made | {"secret": None}


def test_a_switched_off_endpoint_can_be_switched_on(acme, api):
    made = acme.endpoint(URL, enabled=False)
    assert (made["enabled"], made["status"]) == (False, "paused")
    after = api.patch(f"/webhooks/{made['id']}", json={"enabled": True}).json()["data"]
    assert (after["enabled"], after["status"]) == (True, "active")


def test_a_deleted_endpoint_is_gone(acme, api):
    made = acme.endpoint(URL)
    answer = api.delete(f"/webhooks/{made['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    for again in (api.delete(f"/webhooks/{made['id']}"), api.get(f"/webhooks/{made['id']}"), api.get(f"/webhooks/{made['id']}/deliveries")):
        refused(again, 404, "endpoint_not_found")
    assert made["id"] not in api.get("/webhooks").text


BAD = [
    ({}, [("events", "required"), ("url", "required")]),
    ({"url": URL}, [("events", "required")]),
    ({"url": URL, "events": []}, [("events", "required|too_short|limit_exceeded|blank|out_of_range")]),
    ({"url": URL, "events": ["ticket.deleted"]}, [("events[0]", "invalid_enum")]),
    ({"url": URL, "events": ["*", "x", "y"]}, [("events[1]", "invalid_enum"), ("events[2]", "invalid_enum")]),
    ({"url": URL, "events": ["*"] * 21}, [("events", "limit_exceeded|too_long")]),
    ({"url": "", "events": ["*"]}, [("url", "blank")]),
    ({"url": "example.com", "events": ["*"]}, [("url", "invalid_format")]),
    ({"url": "ftp://example.com/", "events": ["*"]}, [("url", "invalid_format")]),
    ({"url": "https://", "events": ["*"]}, [("url", "invalid_format")]),
    ({"url": "https://user:pw@example.com/", "events": ["*"]}, [("url", "invalid_format")]),
    ({"url": "https://example.com/#part", "events": ["*"]}, [("url", "invalid_format")]),
    ({"url": "https://example.com:22/", "events": ["*"]}, [("url", "invalid_format")]),
    ({"url": "https://example.com/" + "a" * 2048, "events": ["*"]}, [("url", "too_long")]),
    ({"url": URL, "events": ["*"], "description": "a" * 256}, [("description", "too_long")]),
    ({"url": URL, "events": ["*"], "secret": "whsec_x"}, [("secret", "unknown_field")]),
]


@pytest.mark.parametrize("body,expected", BAD, ids=lambda value: str(value)[:60])
def test_a_bad_endpoint_is_422(api, body, expected):
    got = sorted(violations(api.post("/webhooks", json=body)))
    assert [field for field, _ in got] == [field for field, _ in expected]
    for (_, code), (_, allowed) in zip(got, expected):
        assert code in allowed.split("|")


def test_the_event_types_are_listed_in_order(api):
    listed = api.get("/webhook-event-types").json()
    assert list(listed) == ["data"]
    assert [one["name"] for one in listed["data"]] == EVENTS
    for one in listed["data"]:
        assert sorted(one) == ["description", "group", "name"]
        assert one["group"] == one["name"].split(".")[0] and one["description"]


def test_unknown_ids_are_404(api):
    nowhere = f"/webhooks/{random_id()}"
    refused(api.get(nowhere), 404, "endpoint_not_found")
    refused(api.patch(nowhere, json={}), 404, "endpoint_not_found")
    refused(api.delete(nowhere), 404, "endpoint_not_found")
    refused(api.post(f"{nowhere}/test", json={"event": "ticket.created"}), 404, "endpoint_not_found")
    refused(api.get(f"{nowhere}/deliveries"), 404, "endpoint_not_found")
    refused(api.get(f"/deliveries/{random_id()}"), 404, "delivery_not_found")
    refused(api.post(f"/deliveries/{random_id()}/resend"), 404, "delivery_not_found")


def test_a_test_names_its_event(acme, api):
    made = acme.endpoint(URL, enabled=False)
    path = f"/webhooks/{made['id']}/test"
    assert violations(api.post(path, json={})) == [("event", "required")]
    for event in ("ticket.*", "*", "nothing"):
        assert violations(api.post(path, json={"event": event})) == [("event", "invalid_enum")]
